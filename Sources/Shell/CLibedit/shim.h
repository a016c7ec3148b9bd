// libedit's `el_set`, `el_get` and `history` take C's variable arguments, which Swift cannot pass:
// one inline function for each use that the shell makes of them.
#pragma once

#include <errno.h>
#include <histedit.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <wchar.h>

typedef unsigned char (*libedit_command)(EditLine *, int);
typedef char *(*libedit_prompt)(EditLine *);
typedef int (*libedit_reader)(EditLine *, wchar_t *);

/// An editor that reads from `input` and draws on `output`; both stay the caller's. Null on failure.
static inline EditLine *libedit_open(const char *program, int input, int output) {
  int in = dup(input), out = dup(output);
  FILE *reader = in < 0 ? NULL : fdopen(in, "r");
  FILE *writer = out < 0 ? NULL : fdopen(out, "w");
  EditLine *editor = reader && writer ? el_init(program, reader, writer, writer) : NULL;
  if (editor) return editor;
  if (reader) fclose(reader); else if (in >= 0) close(in);
  if (writer) fclose(writer); else if (out >= 0) close(out);
  return NULL;
}

static inline void libedit_close(EditLine *editor) {
  FILE *reader = NULL, *writer = NULL;
  el_get(editor, EL_GETFP, 0, &reader);
  el_get(editor, EL_GETFP, 1, &writer);
  el_end(editor);
  if (reader) fclose(reader);
  if (writer) fclose(writer);
}

/// What the editor has drawn goes out before anything that is written past it.
static inline void libedit_flush(EditLine *editor) {
  FILE *writer = NULL;
  if (el_get(editor, EL_GETFP, 1, &writer) == 0 && writer) fflush(writer);
}

static inline void libedit_set_client(EditLine *editor, void *client) {
  el_set(editor, EL_CLIENTDATA, client);
}

static inline void *libedit_client(EditLine *editor) {
  void *client = NULL;
  el_get(editor, EL_CLIENTDATA, &client);
  return client;
}

/// `mark` stands before and after every escape sequence in the prompt.
static inline void libedit_set_prompt(EditLine *editor, libedit_prompt prompt, char mark) {
  el_set(editor, EL_PROMPT_ESC, prompt, mark);
}

static inline void libedit_set_keymap(EditLine *editor, const char *name) {
  el_set(editor, EL_EDITOR, name);
}

/// "emacs" or "vi".
static inline const char *libedit_keymap(EditLine *editor) {
  const char *name = NULL;
  return el_get(editor, EL_EDITOR, &name) == 0 ? name : NULL;
}

/// `reader` gives a character, and 1; 0 at the end of the input; -1 on an error.
static inline void libedit_set_reader(EditLine *editor, libedit_reader reader) {
  el_wset(editor, EL_GETCFN, reader);
}

/// Gives the terminal the modes for editing, or those that it had before.
static inline void libedit_prepare_terminal(EditLine *editor, int editing) {
  el_set(editor, EL_PREP_TERM, editing);
}

/// Turns a terminal mode off (`-isig`) or on (`+isig`) for the time of editing.
static inline void libedit_set_editing_mode(EditLine *editor, const char *mode) {
  el_set(editor, EL_SETTY, "-d", mode, NULL);
}

static inline void libedit_add_command(
    EditLine *editor, const char *name, const char *help, libedit_command command) {
  el_set(editor, EL_ADDFN, name, help, command);
}

static inline void libedit_bind(EditLine *editor, const char *key, const char *command) {
  el_set(editor, EL_BIND, key, command, NULL);
}

/// Draws prompt and line again from where the terminal's cursor stands.
static inline void libedit_redraw(EditLine *editor) {
  el_set(editor, EL_REFRESH);
}

static inline void libedit_use_history(EditLine *editor, History *entries) {
  el_set(editor, EL_HIST, history, entries);
}

static inline void libedit_history_size(History *entries, int size) {
  HistEvent event;
  history(entries, &event, H_SETSIZE, size);
  history(entries, &event, H_SETUNIQUE, 1);
}

static inline void libedit_history_enter(History *entries, const char *text) {
  HistEvent event;
  history(entries, &event, H_ENTER, text);
}

/// The next character typed, as a Unicode scalar; -1 at the end of the input or on an error.
static inline int64_t libedit_next_scalar(EditLine *editor) {
  wchar_t scalar = 0;
  return el_wgetc(editor, &scalar) == 1 ? (int64_t)scalar : -1;
}
