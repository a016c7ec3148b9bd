#ifndef SUMMAND_MEMORY_WATCH_H
#define SUMMAND_MEMORY_WATCH_H

#include <stdbool.h>
#include <stddef.h>

// Swift ends the process where an allocation fails, and the kernel kills it where a control group
// is full. So `malloc` is watched: a note is taken while there is still a little left, and the work
// at hand ends with an error at its next check.

/// Begins to watch. Call once, before other threads.
void summand_memory_watch(void);

/// A control group whose limit counts. `stat` is the descriptor of its memory.stat, or -1.
void summand_memory_watch_group(int usage, int stat, size_t limit);

/// Whether the work at hand has to end because memory runs out.
bool summand_memory_is_short(void);

/// Takes the note, as an allocation that fails does.
void summand_memory_note_short(void);

/// Forgets the note, and sets aside again what the last shortage has used up.
void summand_memory_recover(void);

/// Bytes that the machine and the control groups leave; SIZE_MAX where nothing says.
size_t summand_memory_free_of_machine(void);

/// Bytes that RLIMIT_AS and RLIMIT_DATA leave; SIZE_MAX without such limits.
size_t summand_memory_free_of_limits(void);

/// As posix_memalign, but NULL is an answer that the caller is ready for.
void *summand_memory_try(size_t size, size_t alignment);

#endif
