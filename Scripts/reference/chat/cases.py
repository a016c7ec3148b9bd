"""Templates that use every construct that published chat templates have been seen to use, each alone and as templates
do it; and what must be an error. A case is a name, the template, and the name of a conversation."""

from datetime import datetime, timezone

DATE = datetime(2026, 11, 8, tzinfo=timezone.utc)


def turns(*texts, system=None):
    """A conversation: user, assistant, user and so on."""
    head = [{"role": "system", "content": system}] if system is not None else []
    return head + [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]


SYSTEM = " You are terse. "
ONE, TWO = "  Where is the Colosseum?\n", "And {the} \"Eiffel\" Tower's \\ place, naïve 🗼 </s>?"
CONVERSATIONS = {
    "one": turns(ONE),
    "system": turns(ONE, system=SYSTEM),
    "several": turns(ONE, "In Rome, Italy.", TWO, system=SYSTEM),
    "three": turns(ONE, " In <think>hm</think> Rome.", TWO),
}

# Templates of whole conversations.

LOOP = """\
{%- if messages[0]['role'] == 'system' -%}
    {%- set system_message = messages[0]['content'] | trim + '\\n\\n' -%}
    {%- set messages = messages[1:] -%}
{%- else -%}
    {%- set system_message = '' -%}
{%- endif -%}
{{ bos_token }}
{%- for message in messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') -}}
    {%- endif -%}
    {%- if loop.index0 == 0 -%}{%- set content = system_message + message['content'] -%}
    {%- else -%}{%- set content = message['content'] -%}{%- endif -%}
    {{- '<|' + message['role'] + '|>\\n' + content | trim + '<|end|>\\n' -}}
    {%- if loop.last and add_generation_prompt -%}{{- '<|assistant|>\\n' -}}{%- endif -%}
{%- endfor -%}
"""

MACROS = """\
{# a macro with a default, named arguments, and one that calls another #}
{%- macro header(role, end='\\n\\n') -%}
<|{{ role }}|>{{ end }}
{%- endmacro %}
{%- macro turn(message, close=eos_token) -%}
{{ header(message.role) }}{{ message.content|trim }}{{ close }}
{%- endmacro %}
{% for message in messages %}
{{ turn(message) }}
{{ turn(message=message, close='') }}{{ header('x', end='') }}
{% endfor %}
{% if add_generation_prompt %}
{{ header('assistant') }}
{% endif %}
"""

SPACE = """\
  {% if true %}
    a
  {% endif %}
    {# comment #}
b  {%- if true %}  c  {%+ endif -%}

   d
   {%+ if true %}e{% endif %}
{% raw %}
 {{ raw }} {% if %}
  {% endraw %}
f {{- ' g ' -}} h
{{ 1 }}
{{ 2 -}}
  3
	{% set x = 1 -%}	4
 {%- set x = 2 %} 5 {#- 6 -#} 7 {#+ 8 +#}
 9

"""

LAST_USER = """\
{%- set ns = namespace(last=-1, found=false, text='') %}
{%- for message in messages[::-1] %}
  {%- set index = (messages|length - 1) - loop.index0 %}
  {%- if not ns.found and message.role == 'user' and message.content is string %}
    {%- set ns.last = index %}
    {%- set ns.found = true %}
  {%- endif %}
{%- endfor %}
{%- for message in messages %}
  {%- if message.role == 'assistant' and '</think>' in message.content %}
    {%- set content = message.content.split('</think>')[-1].lstrip('\\n').strip() %}
    {%- set reasoning = message.content.split('</think>')[0].rstrip('\\n').split('<think>')[-1] %}
  {%- else %}
    {%- set content, reasoning = message.content, '' %}
  {%- endif %}
  {{- message.role ~ ' ' ~ loop.index0 ~ (' last' if loop.index0 == ns.last) ~ ': ' ~ content }}{{ reasoning }}
  {%- set ns.text = ns.text + content[0] %}
{% endfor %}
{{ ns.text }}|{{ ns.last }}|{{ content is defined }}|{{ reasoning }}
"""

TOOLS = """\
{%- if tools is defined and tools is not none and tools | length > 0 %}
  {%- for tool in tools %}{%- set tool = tool.function %}{{- tool | tojson(indent=4) }}{% endfor %}
{%- elif tools %}{{ '' | unknown_filter_of_a_branch }}
{%- else %}{{- 'no tools' }}{% endif %}
{%- for message in messages recursively_is_no_word_here if false %}{% endfor %}
"""

DATES = """\
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{{- date_string }}, {{ strftime_now('%Y-%m-%d %B %A %a %j %H:%M %y %-d %e %%') }}
"""

GENERATION = """\
{% for message in messages %}
{% if message['role'] == 'assistant' %}
{% generation %}{% set inner = 'x' %}{{ message['content'] }}{{ inner }}{{ eos_token }}
{% endgeneration %}
{% else %}
[{{ message['content'] }}]{{ inner }}
{% endif %}
{% endfor %}
"""

CONTROL = """\
{% for message in messages %}{% if message.role == 'system' %}{% continue %}{% endif %}
{% if loop.index > 2 %}{% break %}{% endif %}{{ loop.index }}{{ message.role }}{% else %}none{% endfor %}
{% for x in [] %}{{ x }}{% else %}empty{% endfor %}
{% for x in [1, 2] %}{% break %}{% else %}no pass was done{% endfor %}
{% for x in [1, 2] %}{% continue %}{% else %}no pass was done{% endfor %}
{% for x in [1, 2] %}{% if x == 2 %}{% break %}{% endif %}{% else %}one was{% endfor %}
{% for x in [1, 2] %}{% if x == 1 %}{% continue %}{% endif %}{% else %}one was{% endfor %}
{% for x in range(10) if x % 3 == 1 %}{{ x }}:{{ loop.index }}/{{ loop.length }}{{ ',' if not loop.last }}{% else %}n{% endfor %}
{% for m in messages %}{{ loop.previtem.role if loop.previtem is defined }}>{{ m.role }}>{{ loop.nextitem.role if loop.nextitem }};{% endfor %}
{% for a, b in [[1, 2], (3, 4)] %}{{ a }}-{{ b }} {{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.depth }} {% endfor %}
{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{{ loop.cycle('a', 'b') }}{% endfor %}
{% for k, v in {'b': 1, 'a': 2}.items() %}{{ k }}={{ v }}{% endfor %}
{% for k, v in {'b': 1, 'a': 2}|items %}{{ k }}={{ v }}{% endfor %}{% for k, v in {'b': 1, 'a': 2}|dictsort %}{{ k }}{% endfor %}
{% for x in 'añ' %}[{{ x }}]{% endfor %}{% for x in undefined_name %}no{% endfor %}
"""

BLOCKS = """\
{% set block %}
  inner {{ messages[0].role }}
{% endset %}
[{{ block }}]{% set upper | upper | trim %}  x {{ bos_token }} {% endset %}[{{ upper }}]
{% filter upper %}shout {{ messages[0].role }}{% endfilter %}
{% filter replace('a', 'b') | trim %} banana {% endfilter %}
{% macro wrap(tag) %}<{{ tag }}>{{ caller() }}</{{ tag }}>{% endmacro %}
{% call wrap('b') %}{{ messages[0].role }}{% endcall %}
{% macro each(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}
{% call(item) each([1, 2]) %}<{{ item }}>{% endcall %}
{% macro many(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ many(1, 2, 3, x=4) }}{{ many() }}
{% with a = 1, b = 2 %}{{ a + b }}{% set c = 3 %}{% endwith %}{{ c is defined }}{{ a is defined }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (a, b) = (b, a) %}{{ a }}{{ b }}
{% print 'x', 1 %}{% if 1 %}{% set inside = 1 %}{% endif %}{{ inside }}
{% for x in [1] %}{% set inside = 2 %}{% set new = 1 %}{{ inside }}{% endfor %}{{ inside }}{{ new is defined }}
{% macro lexical() %}{{ inside }}{{ x is defined }}{% endmacro %}{% for x in [1] %}{{ lexical() }}{% endfor %}
"""

# Expressions, one on a line: each is a template of its own.

EXPRESSIONS = r"""
1 + 2 * 3 ** 2 - 7 // 2 - 7 % 3
-7 // 2
-7 % 3
7 % -3
-7.5 // 2
7.5 % 2
1 / 2
4 / 2
2 ** -1
2 ** 0.5 > 1.41
1 + true
-2 ** 2
- 3 | abs
not 1 == 2
1 < 2 < 3
1 < 3 < 2
1 == 1.0
'a' < 'b'
[1, 2] < [1, 3]
(1, 2) == (1, 2)
[1] == (1,)
{'a': 1} == {'a': 1.0}
none == undefined_name
undefined_name == other_name
1 in [1, 2]
'b' in 'abc'
'role' in messages[0]
3 not in [1, 2]
'x' in undefined_name
'a' ~ 1 ~ none ~ true ~ 1.5 ~ undefined_name
'a' + 'b' ~ 'c' * 2
'ab' * 3
3 * 'ab'
[1, 2] + [3]
[0] * 3
'%s and %d %%' % ('x', 3)
'%s' % 'x'
'%r' % 'x'
1 if true else 2
1 if false else 2 if false else 3
1 if false
(1 if false) is undefined
'a' and 'b'
'' and 'b'
'' or 'b'
not ''
true and not false or false
[]
[1, 'a', none, true, 1.5, [2], (3,), {'k': 'v'}]
()
(1,)
(1, 2)
{}
{'a': 1, "it's": "say \"x\"", 3: none}
'it\'s "x"' | list
['it\'s', 'new\nline', 'tab\t', 'é', '\x00', '\u200b', '\\']
1e3
1e16
1e15
123456789012345680.0
0.1 + 0.2
1e-5
0.0001
1.0
-0.0
1_000
0x1F
'\n\t\\\'\x41\u00e9\101'
'a' 'b' "c"
'\q'
'é\é'
messages[0]
messages[0].role
messages[0]['role']
messages[-1].content[0]
messages | length
messages[0].missing
messages[0].missing is defined
messages[0]['missing'] is undefined
messages[99] is defined
messages[0].items() | list
messages[0].keys() | list
messages[0].items()
messages[0].get('role')
messages[0].get('x')
messages[0].get('x', 'y')
messages[0]['get'] is callable
messages[0].append is defined
'abc'[0]
'abc'[-1]
'abc'[5] is defined
'abc'[1:]
'abc'[:-1]
'abc'[::-1]
'abcdef'[1:5:2]
'abcdef'[-2:]
'abcdef'[10:]
'abcdef'[::-2]
'abcdef'[4:1:-1]
[1, 2, 3][::-1]
[1, 2, 3][1:]
(1, 2, 3)[:2]
messages[1:] | length
[1, 2, 3].0
range(3)
range(3) | list
range(1, 10, 3) | list
range(5, 0, -2) | list
range(3)[1]
'  x '.strip() + '|'
'xxaxx'.strip('x')
' x '.lstrip() + '|'
' x '.rstrip() + '|'
'a,b,,c'.split(',')
'a b  c '.split()
'a b  c d'.split(none, 1)
'a,b,c'.split(',', 1)
'a,b,c'.rsplit(',', 1)
'a,b,c'.split(sep=',', maxsplit=1)
'a\nb\r\nc'.splitlines()
'abc'.startswith('ab')
'abc'.startswith(('x', 'a'))
'abc'.endswith('bc')
'abcabc'.replace('b', 'x')
'abcabc'.replace('b', 'x', 1)
'ab'.replace('', '-')
'aBc'.lower()
'aßc'.upper()
'ΑΣ ΟΔΟΣ'.lower()
'they\'re bill\'s'.title()
'hELLO wORLD'.capitalize()
', '.join(['a', 'b'])
'abc'.find('c')
'abc'.find('x')
'abcb'.rfind('b')
'abcb'.count('b')
'abc'.index('b')
'12'.isdigit()
'a1'.isalpha()
'ab'.islower()
'AB1'.isupper()
' '.isspace()
'prefix-x'.removeprefix('prefix-')
'x.py'.removesuffix('.py')
'a=b=c'.partition('=')
'<{}|{}>'.format('a', 1)
'{1}{0} {{x}} {name}'.format('a', none, name='b')
none | selectattr('x', 'equalto', 'y') | list
none | map('upper') | list
0 | reject | list
'a=b=c'.rpartition('=')
'x' | upper
'X' | lower
'foo bar-baz (qux)' | title
'foo BAR' | capitalize
' x ' | trim + '|'
'xax' | trim('x')
'abab' | replace('a', 'c')
'abab' | replace('a', 'c', 1)
'x' | default('y')
undefined_name | default('y')
'' | default('y', true)
undefined_name | d
none | default('y')
'a\nb\n\nc' | indent(2)
'a\nb' | indent(2, true)
'a\n\nb' | indent(blank=true)
'a\nb\n' | indent('> ')
[1, 2, 3] | first
[1, 2, 3] | last
'abc' | first
[] | first is undefined
[3, 1, 2] | sort
['b', 'A', 'c'] | sort
['b', 'A', 'c'] | sort(case_sensitive=true)
['b', 'A', 'c'] | sort(reverse=true)
messages | sort(attribute='role') | map(attribute='role') | list
[1, 2, 2, 1] | unique | list
['a', 'A', 'b'] | unique | list
[1, 2, 3] | sum
messages | map(attribute='role') | join(',')
messages | map(attribute='nothing', default='d') | join(',')
['a', 'b'] | map('upper') | join
['a', 'b'] | map('replace', 'a', 'x') | list
messages | selectattr('role', 'equalto', 'user') | list | length
messages | selectattr('role', '==', 'user') | map(attribute='content') | first
messages | rejectattr('role', 'in', ['system']) | list | length
messages | selectattr('missing') | list
messages | selectattr('missing', 'defined') | list
[1, 2, 3, 4] | select('odd') | list
[1, 2, 3, 4] | reject('divisibleby', 2) | list
[0, 1, '', 'a'] | select | list
[1, 2] | reverse | list
'abc' | reverse
[1, 5, 3] | max
[1, 5, 3] | min
['b', 'A'] | min
'3' | int + 1
'3.7' | int
'1_0' | int
'1__0' | int
'1_0.5' | float
'x' | int
'x' | int(5)
3.9 | int
-3.9 | int
'3.5' | float
3 | float
2.5 | round
3.5 | round | int
-5 | abs
'abc' | length
'abc' | list
'abc' | count
{'a': 1} | length
5 | string + 'x'
none | string
{'b': 1, 'a': 2} | dictsort
{'b': 1, 'a': 2} | items | list
'<b>' | safe
('<b>' | safe) ~ '<i>'
[1, [2, 'é"\\/\n'], {'k': none, 'b': true, 'f': 1.5}] | tojson
{'z': [], 'a': {}, 'x': [1]} | tojson(indent=2)
{'z': 1, 'a': 2} | tojson(sort_keys=true)
'é🗼\x7f' | tojson(ensure_ascii=true)
{'a': [1, 2]} | tojson(separators=(',', ':'))
{1: 2, none: 3, true: 4, 1.5: 5} | tojson
messages | tojson
'a/b</script>&\'' | tojson
1 is defined
x is defined
x is not defined
x is undefined
none is none
x is none
1 is number
1.5 is float
1 is integer
true is integer
true is boolean
true is true
1 is true
false is false
'a' is string
[] is string
{} is mapping
[] is iterable
'a' is iterable
1 is iterable
x is iterable
x is sequence
[] is sequence
{} is sequence
messages[0].keys() is sequence
3 is odd
4 is even
9 is divisibleby 3
9 is divisibleby(2)
'a' is lower
'A' is upper
1 is in [1, 2]
'a' is eq 'a'
1 is gt 0
2 is sameas 2 if false else none is sameas none
'a' is defined and 1
(x is defined) or 2
not x is defined
namespace is callable
namespace(a=1).a
namespace({'a': 1}).a
namespace(a=1).b is defined
dict(a=1, b=2)
dict({'a': 1}, b=2)
dict([('a', 1)])
loop is defined
bos_token + eos_token
tools is none
documents is defined
add_generation_prompt
'a'.strip is defined
'a'.nothing is defined
''.join(['a', 'b'] | map('upper'))
[1, 2, 3] | map('string') | join(' + ')
messages[0].content.strip().split(' ')[0]
(messages | last).role
(messages | first)['role'] | upper
messages[0]['content'] | trim | length
'{{' ~ '}}'
{'a': {'b': [10, 20]}}.a.b[1]
'x' if messages[0].role == 'system' else 'y'
[1, 2] is not string and [1, 2] is iterable
none is not none
none.x is defined
(1).x is defined
'a'.upper().lower() | upper
'abc' | replace('b', '') | upper
'a\
b'
[{'a': 2}, {'a': 1}] | sort(attribute='a') | map(attribute='a') | list
[[2, 'b'], [1, 'a']] | map(attribute=0) | list
{'a': 1}.values() | list | sum
"%s=%s" % ('a', 1) ~ '!'
3 | default(4) + 1
"tab	in"
1 ~ 2 + 3 if false else 'ok'
messages[:1] | tojson
-1 | abs
+3
[1,2,3,]
{'a':1,}
(1,2,)
'a' in ['a'] and 'b' not in ['a']
"\N" if false else 1
"""

ERRORS = r"""
raise_exception('no: ' ~ messages[0].role)
undefined_name + 'x'
undefined_name.x
undefined_name['x']
undefined_name()
'a' + 1
1 + 'a'
'a' - 'b'
messages[0] + 1
none + 'a'
messages[0].content + none
bos_token + missing_token
1 / 0
1 % 0
1 < 'a'
'a' in 5
5 | length
5 | list
none | length
[1] | join.x
'abc'.index('x')
messages.append(1)
messages[0].update({'a': 1})
messages[0].pop('role')
'a'.nothing()
'a' | no_such_filter
'a' is no_such_test
range(1000000)
[1] | tojson(undefined_name=1)
undefined_name | tojson
{'a': undefined_name} | tojson
'%d' % 'x'
'%s %s' % ('a',)
'%s' % ('a', 'b')
messages[0].__class__.__mro__
''.__class__.mro()
namespace(_x=1)
{[1]: 2}
'a,b'.split('')
[3, 'a'] | sort
5()
-'a'
[1, 2, 3][::0]
', '.join([1, 2])
range()
range(1, 2, 0)
[1] | map('no_such_filter') | list
'a'.startswith(1)
'abc' | replace('a')
'{}{}'.format('a')
'{x}'.format('a')
'{'.format('a')
"""

SYNTAX = [
    "{{ 1 +", "{{ 'a }}", "{% if x %}", "{% endif %}", "{% for x in %}{% endfor %}", "{% for x y %}{% endfor %}",
    "{% nothing %}", "{% set 1 = 2 %}", "{% set true = 2 %}", "{# open", "{% raw %}x", "{{ a b }}", "{{ (1 }}",
    "{{ [1) }}", "{{ {1} }}", "{{ 1 is defined is defined }}", "{% macro f(a=1, b) %}{% endmacro %}", "{% break %}",
    "{{ f(a=1, 2) }}", "{% else %}", "{% if x %}{% else %}{% elif y %}{% endif %}", "{% set a.b.c = 1 %}", "{{ }}",
    "{% %}", "{{ a.'b' }}", "{{ ? }}", "{% for loop in [1] %}{% endfor %}", "{{ x if }}", "{% set x = %}",
    "{% call 1 %}{% endcall %}", "{% filter %}{% endfilter %}", "{{ 'a' | }}", "{{ a[ }}", "{{ '\\x4' }}",
    "{% macro f() %}{% break %}{% endmacro %}", "{% generation %}", "{% for x in [1] %}{% generation %}{% break %}"
    "{% endgeneration %}{% endfor %}", "{% if a if b else c %}{% endif %}",
    "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{% endmacro %}{{ f(b=2) }}",
    "{% set ns = {} %}{% set ns.x = 1 %}", "{% set ns = namespace() %}{% set ns._x = 1 %}",
    "{% set a, b = [1, 2, 3] %}", "{% for a, b in [1] %}{% endfor %}", "{% for x in 5 %}{% endfor %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% set x = namespace(a=1) %}{{ x.a.b.c }}",
]

WHOLE = {
    "loop": LOOP, "macros": MACROS, "space": SPACE, "last user": LAST_USER, "dates": DATES, "generation": GENERATION,
    "control": CONTROL, "blocks": BLOCKS,
    "carriage returns": LOOP.replace("\n", "\r\n"),
    "no newline at the end": "{% if true %}\nx\n{% endif %}\n\n\n",
    "tools": TOOLS.replace(" recursively_is_no_word_here", ""),
    "nested": "{% for a in [1, 2] %}{% for b in [3, 4] %}{{ loop.index }}{{ a }}{{ b }}{% endfor %}{{ loop.index }}{% endfor %}",
    "loop length of an iterator": "{% for x in [1, 2, 3]|select('odd') %}{{ loop.index }}/{{ loop.length }}{{ loop.last }} {% endfor %}",
    "a namespace in a macro": "{% set ns = namespace(n=0) %}{% macro up() %}{% set ns.n = ns.n + 1 %}{{ ns.n }}{% endmacro %}{{ up() }}{{ up() }}",
    "a macro before what it reads": "{% macro f() %}{{ y }}{% endmacro %}{{ f() }}{% set y = 1 %}{{ f() }}",
    "a macro that calls itself": "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(5) }}",
    "a filter that is made when asked for": "{% for x in [1, 'a', none]|map('upper') %}{{ x }}{% if x == 'A' %}{% break %}{% endif %}{% endfor %}",
    "break out of a set block": "{% for x in [1, 2] %}{% set y %}a{% break %}{% endset %}{{ x }}{% endfor %}{{ y is defined }}",
    "a condition with a comma": "{% if 0, %}yes{% endif %}",
    "a colon after a tag": "{% if true: %}x{% endif %}{% for x in [1]: %}{{ x }}{% endfor %}",
    "a number at a tag": "{{-1}}{{+2}}{{ -3 }}",
    "braces": "{{ {'a': {'b': 1}}['a']['b'] }}{{ '}}' }}{{ {} }}",
    "refusal": "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}ok",
}

CASES = (
    [(f"{name}: {of}", text, of) for name, text in WHOLE.items() for of in CONVERSATIONS]
    + [(line, "{{ " + line + " }}", "several")
       for text in (EXPRESSIONS, ERRORS) for line in text.replace("\\\n", "\\\v").strip().split("\n")]
    + [(text, text, "one") for text in SYNTAX]
)
CASES = [(name, text.replace("\v", "\n"), conversation) for name, text, conversation in CASES]
