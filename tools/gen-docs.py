#!/usr/bin/env python3
"""Man pages and shell completions from the option tables of the program itself.

    tools/gen-docs.py BRATTICE OUTDIR [NAME...]

BRATTICE --dump-options prints the tables. Commands that are helper programs have their options in their --help, which the same code
lays out. With NAMEs, exactly these files must come out: a new command that the build doesn't know is an error.
"""
import json
import os
import re
import subprocess
import sys

GLOBAL = {
    "files": [
        ("brattice.yaml, brattice.local.yaml", "The policy of a project, in its top directory. See brattice-policy(1), brattice-trust(1)."),
        ("~/.config/brattice/policy.yaml", "The user's own policy. XDG_CONFIG_HOME is respected."),
        ("/etc/brattice/policy.d/*.yaml", "Policies of the machine."),
        ("~/.local/state/brattice", "Sessions, private homes, compiled policies, trusted files. XDG_STATE_HOME is respected."),
        ("$XDG_RUNTIME_DIR/brattice", "Control sockets of running sessions; the state directory's run/ when the variable is unset."),
    ],
    "environment": [
        ("BRATTICE_STATE", "Another state directory; an absolute path. It must be a directory of yours that nobody else can enter."),
        ("NO_COLOR", "When set and not empty, nothing is coloured."),
    ],
    "exit": "0 when all went well. brattice run exits with the status of the command it ran, or with 128 and the number of the signal "
            "that ended it; 125 when brattice itself failed, 126 when the policy refused before the start, 127 when there is no such "
            "command. Other commands exit with 125 on an error, where their page says nothing else.",
}


def fail(text):
    sys.exit(f"gen-docs.py: {text}")


def run(args):
    result = subprocess.run(args, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        fail(f"{' '.join(args)}: status {result.returncode}: {result.stderr.strip()}")
    return result.stdout


OPTION = re.compile(r"^  (?:-(?P<letter>\w), |    )--(?P<name>[\w-]+)(?: (?P<arg>\S+))?(?:  +(?P<help>.*))?$")
SUBCOMMAND = re.compile(r"^  (?P<name>[a-z][a-z-]*) {2,}(?P<summary>.*)$")


def parse_help(text, command):
    """The inverse of br_opt_help: a dictionary like one of --dump-options, and the subcommands."""
    lines = text.splitlines()
    head = f"Usage: brattice {command}"
    if not lines or not lines[0].startswith(head):
        fail(f"the help of {command} does not begin with \"{head}\"")
    usage = {"command": command, "synopsis": lines[0][len(head):].strip(), "options": [], "summary": None}
    about, subs, in_options = [], [], False
    for line in lines[1:]:
        option, sub = OPTION.match(line), SUBCOMMAND.match(line)
        if line == "Options:":
            in_options = True
        elif in_options and option:
            usage["options"].append({k: option[k] for k in ("letter", "name", "arg")} | {"help": option["help"] or "", "values": None})
        elif in_options and line.startswith(" " * 20) and usage["options"]:
            last = usage["options"][-1]
            last["help"] = f"{last['help']} {line.strip()}".strip()
        elif sub and not in_options:
            subs.append((sub["name"], sub["summary"]))
        elif not in_options:
            about.append(line)
    usage["options"] = [o for o in usage["options"] if o["name"] != "help"]
    for option in usage["options"]:
        values = re.search(r" \(one of: ([^)]*)\)$", option["help"])
        if values:
            option["values"] = values[1]
            option["help"] = option["help"][:values.start()]
    paragraphs = re.split(r"\n\s*\n", "\n".join(about).strip())
    usage["about"] = "\n\n".join(" ".join(p.split()) for p in paragraphs if p and "COMMAND --help" not in p)
    return usage, subs


def read_commands(program):
    dump = json.loads(run([program, "--dump-options"]))
    for group in dump["groups"]:
        for command in group["commands"]:
            usage = command["usage"]
            command["subs"] = []
            if not command["helper"]:
                continue
            parsed, subs = parse_help(run([program, usage["command"], "--help"]), usage["command"])
            parsed["summary"] = usage["summary"]
            command["usage"] = parsed
            for name, summary in subs:
                sub, _ = parse_help(run([program, usage["command"], name, "--help"]), f"{usage['command']} {name}")
                command["subs"].append(sub | {"summary": summary, "name": name})
    return dump


# ---- man pages ----

def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def roff_bold(text):
    return f"\\fB{roff(text)}\\fR"


def option_lines(options):
    out = []
    for o in options:
        names = ([f"\\-{o['letter']}"] if o["letter"] else []) + [roff(f"--{o['name']}")]
        head = ", ".join(f"\\fB{n}\\fR" for n in names) + (f" \\fI{roff(o['arg'])}\\fR" if o["arg"] else "")
        text = o["help"][:1].upper() + o["help"][1:] + "."
        if o["values"]:
            text += f" One of: {o['values'].replace(' ', ', ')}."
        out += [".TP", head, roff(text)]
    return out + [".TP", "\\fB\\-h\\fR, \\fB\\-\\-help\\fR", "Show a summary of all this."]


def paragraphs(text):
    out = []
    for p in text.split("\n\n"):
        out += [".PP", roff(p.replace("`", ""))] if p else []
    return out


def command_page(version, usage, subs):
    name = f"brattice-{usage['command']}"
    out = [f'.TH {name.upper()} 1 "" "brattice {version}" "Brattice manual"', ".SH NAME", roff(f"{name} - {usage['summary']}"), ".SH SYNOPSIS",
           f"{roff_bold('brattice ' + usage['command'])} {roff(usage['synopsis'])}"]
    if usage["about"]:
        out += [".SH DESCRIPTION"] + paragraphs(usage["about"])[1:]
    if subs:
        out.append(".SH COMMANDS")
        for sub in subs:
            out += [".SS " + roff(f"{sub['command']} {sub['synopsis']}"), roff(sub["summary"][:1].upper() + sub["summary"][1:] + ".")]
            out += paragraphs(sub["about"]) + option_lines(sub["options"])
    else:
        out += [".SH OPTIONS"] + option_lines(usage["options"])
    return "\n".join(out + [".SH SEE ALSO", "\\fBbrattice\\fR(1)"]) + "\n"


def main_page(dump):
    out = [f'.TH BRATTICE 1 "" "brattice {dump["version"]}" "Brattice manual"', ".SH NAME",
           roff("brattice - run a coding agent, and all it starts, inside a hard boundary"), ".SH SYNOPSIS",
           f"{roff_bold('brattice run')} [\\fIOPTION\\fR...] \\-\\- \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]", ".br",
           f"{roff_bold('brattice')} \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]", ".SH DESCRIPTION",
           roff("Brattice runs a coding agent with its whole process tree inside a boundary of the kernel, with no root, no daemon and no "
                "image: the project can be written, the rest of the machine is absent or read-only, secrets stay outside, and what is "
                "denied is recorded where the agent can't reach it."), ".SH COMMANDS"]
    see = []
    for group in dump["groups"]:
        out.append(f".SS {roff(group['title'])}")
        for command in group["commands"]:
            usage = command["usage"]
            out += [".TP", f"{roff_bold('brattice-' + usage['command'])}(1)", roff(usage["summary"][:1].upper() + usage["summary"][1:] + ".")]
            see.append(f"{roff_bold('brattice-' + usage['command'])}(1)")
    out += [".SH SESSIONS", roff("A session is named by its id, the beginning of one, the last part of one (as brattice ps shows it), its name, "
                                 "or \"last\" for the one started last.")]
    for title, key in (("FILES", "files"), ("ENVIRONMENT", "environment")):
        out.append(f".SH {title}")
        for name, text in GLOBAL[key]:
            out += [".TP", f"\\fI{roff(name)}\\fR", roff(text)]
    out += [".SH EXIT STATUS", roff(GLOBAL["exit"]), ".SH SEE ALSO", ",\n".join(see)]
    return "\n".join(out) + "\n"


# ---- completions ----

# Commands whose operands are sessions; of these, the ones that also take paths are left to the shell after the first.
SESSIONS = ("attach", "stop", "kill", "diff", "apply", "discard", "refresh", "export", "log", "replay", "report", "verify")


def every(dump):
    return [c for g in dump["groups"] for c in g["commands"]]


def words(options):
    return " ".join([f"--{o['name']}" for o in options] + [f"-{o['letter']}" for o in options if o["letter"]] + ["--help"])


def takes_files(option):
    return bool(option["arg"]) and option["arg"] in ("FILE", "PATH", "DIR")


def bash_options(name, options):
    out = [f"\t\t{name}) options='{words(options)}' ;;"]
    return out


def bash(dump):
    commands = every(dump)
    names = " ".join(c["usage"]["command"] for c in commands)
    options, values, files, args = [], [], set(), set()
    for c in commands:
        options += bash_options(c["usage"]["command"], c["usage"]["options"])
        for sub in c["subs"]:
            options += bash_options(f"'{c['usage']['command']} {sub['name']}'", sub["options"])
        for o in c["usage"]["options"] + [o for sub in c["subs"] for o in sub["options"]]:
            if o["values"]:
                values.append(f"\t\t--{o['name']}) COMPREPLY=($(compgen -W '{o['values']}' -- \"$cur\")); return ;;")
            elif takes_files(o):
                files.add(f"--{o['name']}")
            elif o["arg"]:
                args.add(f"--{o['name']}")
    subs = [f"\t\t{c['usage']['command']}) subs='{' '.join(s['name'] for s in c['subs'])}' ;;" for c in commands if c["subs"]]
    newline = "\n"
    return f"""# Completion of brattice(1) for bash. Generated from the program's option tables.
_brattice_sessions() {{
	brattice ps --all 2>/dev/null | awk 'NR > 1 {{ print $1; if ($2 != "-") print $2 }}'
	echo last
}}

_brattice() {{
	local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} command=${{COMP_WORDS[1]}} options='' subs='' i
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W '{names} help --version --help' -- "$cur"))
		return
	fi
	if [ "$command" = run ]; then
		# Behind the options stands somebody else's command line.
		for ((i = 2; i < COMP_CWORD; i++)); do
			case ${{COMP_WORDS[i]}} in
			--) i=$((i + 1)); break ;;
			{'|'.join(sorted(files | args | {v.split(')')[0].strip() for v in values}))}) i=$((i + 1)) ;;
			-*) ;;
			*) break ;;
			esac
		done
		if [ "$i" -lt "$COMP_CWORD" ] && declare -F _command_offset >/dev/null; then
			_command_offset "$i"
			return
		elif [ "$i" -lt "$COMP_CWORD" ]; then
			COMPREPLY=($(compgen -f -- "$cur"))
			return
		elif [ "$prev" = -- ]; then
			COMPREPLY=($(compgen -c -- "$cur"))
			return
		fi
	fi
	case $prev in
{newline.join(dict.fromkeys(values))}
		{'|'.join(sorted(files))}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		{'|'.join(sorted(args))}) return ;;
	esac
	case $command in
{newline.join(subs)}
		help) COMPREPLY=($(compgen -W '{names}' -- "$cur")); return ;;
	esac
	if [ -n "$subs" ]; then
		if [ "$COMP_CWORD" -eq 2 ]; then
			COMPREPLY=($(compgen -W "$subs --help" -- "$cur"))
			return
		fi
		command="$command ${{COMP_WORDS[2]}}"
	fi
	case $command in
{newline.join(options)}
	esac
	case $cur in
	-*) COMPREPLY=($(compgen -W "$options" -- "$cur")); return ;;
	esac
	case $command in
	run) COMPREPLY=($(compgen -c -- "$cur")) ;;
	{'|'.join(SESSIONS)}) COMPREPLY=($(compgen -W "$(_brattice_sessions)" -- "$cur")) ;;
	trust|'policy check'|'policy test') COMPREPLY=($(compgen -f -- "$cur")) ;;
	esac
}}
complete -o filenames -F _brattice brattice
"""


def zsh_quote(text):
    return text.replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")


def zsh_spec(o):
    action = f":{o['arg']}:" if o["arg"] else ""
    if o["values"]:
        action = f":{o['arg']}:({o['values']})"
    elif takes_files(o):
        action = f":{o['arg']}:_files" + (" -/" if o["arg"] == "DIR" else "")
    action = action.replace("[", "\\[").replace("]", "\\]") if not o["values"] else action
    text = zsh_quote(o["help"])
    out = [f"'*--{o['name']}[{text}]{action}'"]
    if o["letter"]:
        out.append(f"'*-{o['letter']}[{text}]{action}'")
    return out


def zsh_case(label, options, operands, indent):
    specs = [s for o in options for s in zsh_spec(o)] + ["'(- *)--help[show the help]'"] + operands
    sep = f" \\\n{indent}\t\t"
    return f"{indent}{label})\n{indent}\t_arguments -s -S{sep}{sep.join(specs)}\n{indent}\t;;\n"


def zsh(dump):
    commands = every(dump)
    listing = "\n".join(f"\t\t'{c['usage']['command']}:{zsh_quote(c['usage']['summary'])}'" for c in commands)
    cases = ""
    for c in commands:
        name = c["usage"]["command"]
        operands = []
        if name == "run":
            operands = ["'*::command:_normal'"]
        elif name in SESSIONS:
            operands = ["'*:session:_brattice_sessions'"]
        elif name == "trust":
            operands = ["':policy file:_files'"]
        if not c["subs"]:
            cases += zsh_case(name, c["usage"]["options"], operands, "\t")
            continue
        subs = " ".join(f"'{s['name']}:{zsh_quote(s['summary'])}'" for s in c["subs"])
        inner = "".join(zsh_case(s["name"], s["options"], ["'*:file:_files'"], "\t\t\t") for s in c["subs"])
        cases += f"""\t{name})
\t\tif ((CURRENT == 2)); then
\t\t\tlocal -a subs=({subs})
\t\t\t_describe command subs
\t\telse
\t\t\tshift words
\t\t\t((CURRENT--))
\t\t\tcase $words[1] in
{inner}\t\t\tesac
\t\tfi
\t\t;;
"""
    return f"""#compdef brattice
# Completion of brattice(1) for zsh. Generated from the program's option tables.
_brattice_sessions() {{
	local -a sessions=(${{(f)"$(brattice ps --all 2>/dev/null | awk 'NR > 1 {{ print $1; if ($2 != "-") print $2 }}')"}} last)
	_describe session sessions
}}

_brattice() {{
	local -a commands=(
{listing}
		'help:help about a command'
	)
	if ((CURRENT == 2)); then
		_describe command commands
		return
	fi
	shift words
	((CURRENT--))
	case $words[1] in
	help)
		_describe command commands
		;;
{cases}	esac
}}

_brattice "$@"
"""


def fish_quote(text):
    return text.replace("\\", "\\\\").replace("'", "\\'")


def fish_option(condition, o):
    line = f"complete -c brattice -n '{condition}' -l {o['name']}" + (f" -s {o['letter']}" if o["letter"] else "")
    if o["arg"]:
        line += " -r" + (" -F" if takes_files(o) else " -f")
    if o["values"]:
        line += f" -a '{o['values']}'"
    return line + f" -d '{fish_quote(o['help'])}'"


def fish(dump):
    out = ["# Completion of brattice(1) for fish. Generated from the program's option tables.",
           "function __brattice_sessions",
           "\tbrattice ps --all 2>/dev/null | awk 'NR > 1 { print $1; if ($2 != \"-\") print $2 }'",
           "\techo last",
           "end",
           "complete -c brattice -f",
           "complete -c brattice -n __fish_use_subcommand -l version -d 'print the version'"]
    for c in every(dump):
        name = c["usage"]["command"]
        here = f"__fish_seen_subcommand_from {name}"
        out.append(f"complete -c brattice -n __fish_use_subcommand -a {name} -d '{fish_quote(c['usage']['summary'])}'")
        subs = " ".join(s["name"] for s in c["subs"])
        for sub in c["subs"]:
            out.append(f"complete -c brattice -n '{here}; and not __fish_seen_subcommand_from {subs}' -a {sub['name']} -d '{fish_quote(sub['summary'])}'")
            out += [fish_option(f"{here}; and __fish_seen_subcommand_from {sub['name']}", o) for o in sub["options"]]
            out.append(f"complete -c brattice -n '{here}; and __fish_seen_subcommand_from {sub['name']}' -F")
        out += [fish_option(here, o) for o in c["usage"]["options"]]
        out.append(f"complete -c brattice -n '{here}' -l help -s h -d 'show the help'")
        if name in SESSIONS:
            out.append(f"complete -c brattice -n '{here}' -a '(__brattice_sessions)'")
        elif name == "run":
            out.append(f"complete -c brattice -n '{here}' -a '(__fish_complete_subcommand --fcs-skip=2)'")
        elif name == "trust":
            out.append(f"complete -c brattice -n '{here}' -F")
    return "\n".join(out) + "\n"


def main():
    if len(sys.argv) < 3:
        fail(__doc__.strip())
    program, outdir, expected = os.path.abspath(sys.argv[1]), sys.argv[2], set(sys.argv[3:])
    dump = read_commands(program)
    files = {"brattice.1": main_page(dump), "brattice": bash(dump), "_brattice": zsh(dump), "brattice.fish": fish(dump)}
    for c in every(dump):
        files[f"brattice-{c['usage']['command']}.1"] = command_page(dump["version"], c["usage"], c["subs"])
    if expected and expected != set(files):
        fail(f"man/meson.build lists other files than the commands need: {' '.join(sorted(expected ^ set(files)))}")
    os.makedirs(outdir, exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(outdir, name), "w", encoding="utf-8") as f:
            f.write(text)


main()
