#!/usr/bin/env python3
"""Brattice beside its peers, on this machine, in the same run; writes bench/RESULTS.md.

    bench/run.py [--only start,memory,work,audit] [--rounds N] [--events N] [--user NAME] [--output FILE]

Rounds are interleaved: each peer once a round, in an order that changes, so that a slow minute hurts all alike. Figures
are medians. A peer that isn't installed or doesn't run here is left out, with its reason. With --user (as root) the
measured commands run as that user; root is needed to read the memory of brattice's processes, which are not dumpable.
"""
import argparse
import datetime
import json
import os
import pathlib
import pwd
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = pathlib.Path(os.environ.get("BENCH_PEERS") or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "brattice-bench"))
SYSTEM = [d for d in ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32") if os.path.exists(d)]


class Bench:
    """The measured user, a project directory, and how each peer runs a command in it."""

    def __init__(self, options):
        self.options = options
        self.account = pwd.getpwnam(options.user) if options.user else pwd.getpwuid(os.getuid())
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="brattice-bench."))
        if os.getuid() == 0:  # a quiet disk: creating a file can cost more on it than everything that is measured
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "brattice-bench", self.work], check=True)
        self.project = self.work / "project"
        self.home = self.work / "home"
        for d in (self.project, self.home, self.work / "run", self.work / "bundle/rootfs"):
            d.mkdir(parents=True)
        self.left_out = {}
        self.same = None
        self.env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.home),
            "USER": self.account.pw_name,
            "LANG": "C.UTF-8",
            "BRATTICE_STATE": str(self.work / "state"),
            "XDG_RUNTIME_DIR": str(self.work / "run"),
        }

    def own_one(self, path):
        if os.getuid() == 0:
            os.chown(path, self.account.pw_uid, self.account.pw_gid, follow_symlinks=False)

    def own(self):
        """Gives the work directory to the measured user."""
        for path in [self.work, *self.work.rglob("*")]:
            self.own_one(path)

    def popen(self, argv, **more):
        if os.getuid() != self.account.pw_uid:
            more |= {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        return subprocess.Popen(argv, cwd=self.project, env=self.env, stdin=subprocess.DEVNULL, **more)

    def run(self, argv):
        """(seconds, status, output) of one run."""
        began = time.perf_counter()
        p = self.popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        out = p.communicate()[0]
        return time.perf_counter() - began, p.returncode, out

    # How each peer runs a command with: system read-only, the project read-write, a home and /tmp of its own, all
    # namespaces, no network.
    def bare(self, command):
        return command

    def unshare(self, command):
        return ["unshare", "--user", "--map-current-user", "--mount", "--pid", "--fork", "--kill-child", "--net", "--ipc", "--uts", "--cgroup",
                "--time", "--mount-proc", "--", *command]

    def bwrap(self, command):
        args = ["bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"]
        for d in SYSTEM:
            args += ["--symlink", os.readlink(d), d] if os.path.islink(d) else ["--ro-bind", d, d]
        args += ["--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--tmpfs", "/var"]
        args += ["--dir", str(self.work), "--tmpfs", str(self.home), "--bind", str(self.project), str(self.project), "--chdir", str(self.project)]
        return [*args, *command]

    def bwrap_same(self, command):
        """bwrap with the mounts that brattice makes: what `run --explain` prints, one argument each."""
        if self.same is None:
            _, status, plan = self.run([self.brattice_run([])[0], "run", "--explain", "--", "true"])
            if status != 0:
                raise OSError(f"run --explain: {plan}")
            args = ["bwrap", "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"]
            for line in plan.splitlines():
                m = re.match(r"(bind|symlink|tmpfs|dir|file|proc) +(ro|rw) *(?:noexec)? *(/\S*)(?: (?:->|from) (\S+))?$", line)
                if not m:
                    continue
                kind, access, at, source = m.groups()
                if kind == "proc":
                    args += ["--proc", "/proc", "--dev", "/dev"]
                elif at == "/etc/mtab" or at.startswith("/dev"):
                    continue  # bwrap's --dev makes these
                elif kind == "symlink":
                    args += ["--symlink", source, at]
                elif kind in ("tmpfs", "dir"):
                    args += [f"--{kind}", at]
                elif os.path.exists(source or at):
                    args += ["--ro-bind" if access == "ro" or kind == "file" else "--bind", source or at, at]
                elif kind == "bind" and at == str(self.home):
                    args += ["--tmpfs", at]
            self.same = args
        return [*self.same, "--chdir", str(self.project), *command]

    def firejail(self, command):
        return ["firejail", "--quiet", "--noprofile", "--net=none", "--private-dev", "--nonewprivs", "--caps.drop=all", "--seccomp", "--ipc-namespace",
                "--read-only=/usr", "--read-only=/etc", f"--read-write={self.project}", "--", *command]

    def crun(self, command):
        bundle = self.work / "bundle"
        config = json.loads((bundle / "config.json").read_text(encoding="utf-8"))
        config["process"] |= {"args": command, "terminal": False, "cwd": str(self.project), "env": [f"{k}={v}" for k, v in self.env.items()]}
        (bundle / "config.json").write_text(json.dumps(config), encoding="utf-8")
        return ["crun", "--root", str(self.work / "run/crun"), "--cgroup-manager=disabled", "run", "--bundle", str(bundle), f"b{random.getrandbits(48):x}"]

    def prepare_crun(self):
        """A bundle whose root is made of the same bind mounts."""
        bundle = self.work / "bundle"
        self.own()
        subprocess.run(["crun", "spec", *(["--rootless"] if self.account.pw_uid else [])], cwd=bundle, check=True, capture_output=True)
        config = json.loads((bundle / "config.json").read_text(encoding="utf-8"))
        binds = []
        for d in SYSTEM:
            if os.path.islink(d):
                (bundle / "rootfs" / d[1:]).symlink_to(os.readlink(d))
            else:
                binds.append((d, ["rbind", "ro"]))
        binds += [("/etc", ["rbind", "ro"]), (str(self.project), ["rbind", "rw"])]
        for d, _ in binds:
            (bundle / "rootfs" / d[1:]).mkdir(parents=True, exist_ok=True)
        for d in ("proc", "dev", "sys", "tmp", "run", "var"):
            (bundle / "rootfs" / d).mkdir(parents=True, exist_ok=True)
        config["root"] = {"path": "rootfs", "readonly": True}
        config["mounts"] = [m for m in config["mounts"] if m["destination"] in ("/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")]
        config["mounts"] += [{"destination": d, "source": d, "type": "bind", "options": o} for d, o in binds]
        if self.account.pw_uid:
            for ids, own in (("uidMappings", self.account.pw_uid), ("gidMappings", self.account.pw_gid)):
                config["linux"][ids] = [{"containerID": 0, "hostID": own, "size": 1}]
        (bundle / "config.json").write_text(json.dumps(config), encoding="utf-8")

    def nsjail(self, command):
        args = ["nsjail", "--mode", "o", "--quiet", "--disable_rlimits", "--cwd", str(self.project)]
        for d in (*SYSTEM, "/etc"):
            args += ["--bindmount_ro", d]
        return [*args, "--bindmount", str(self.project), "--tmpfsmount", "/tmp", "--", *command]

    def srt(self, command):
        settings = self.work / "srt.json"
        node = PEERS / "node_modules/node/bin/node"
        cli = PEERS / "node_modules/@anthropic-ai/sandbox-runtime/dist/cli.js"
        return [str(node), str(cli), "--settings", str(settings), "--", *command]

    def prepare_srt(self):
        if not (PEERS / "node_modules/.bin/srt").exists():
            raise OSError("not installed (bench/peers.sh)")
        settings = {"network": {"allowedDomains": [], "deniedDomains": []},
                    "filesystem": {"denyRead": [str(self.home)], "allowWrite": [str(self.project)], "denyWrite": []}}
        (self.work / "srt.json").write_text(json.dumps(settings), encoding="utf-8")

    def brattice_run(self, command):
        return [str(ROOT / os.environ.get("BUILD", "build") / "brattice"), "run", "--", *command]

    def peers(self, names):
        """The runners that work here: name → function of a command."""
        every = {"bare": self.bare, "unshare": self.unshare, "bwrap": self.bwrap, "bwrap, same mounts": self.bwrap_same,
                 "firejail": self.firejail, "crun": self.crun, "nsjail": self.nsjail, "srt": self.srt, "brattice": self.brattice_run}
        good = {}
        for name in names:
            try:
                if name in ("unshare", "bwrap", "firejail", "crun", "nsjail") and not shutil.which(name):
                    raise OSError("not installed")
                prepare = getattr(self, f"prepare_{name}", None)
                if prepare and name not in self.left_out:
                    prepare()
                self.own()
                _, status, out = self.run(every[name](["true"]))
                if status != 0:
                    raise OSError(f"status {status}: {out.strip()[:200]}")
                good[name] = every[name]
            except (OSError, subprocess.CalledProcessError) as why:
                self.left_out[name] = str(why)
        return good


def interleave(peers, rounds, slow, measure):
    """measure(name) → numbers, for each peer in each round, in random order; a peer in `slow` takes part in every `slow[name]`th."""
    seen = {name: [] for name in peers}
    for i in range(rounds):
        order = [n for n in peers if i % slow.get(n, 1) == 0]
        random.shuffle(order)
        for name in order:
            seen[name] += measure(name)
    return seen


def start(b):
    """`true`, from spawn to exit."""
    peers = b.peers(["bare", "unshare", "bwrap", "bwrap, same mounts", "firejail", "crun", "nsjail", "srt", "brattice"])

    def once(name):
        seconds, status, out = b.run(peers[name](["true"]))
        if status != 0:
            raise SystemExit(f"{name}: status {status}: {out}")
        return [seconds * 1e3]

    interleave(peers, 2, {}, once)
    seen = interleave(peers, b.options.rounds, {"srt": 4, "firejail": 2}, once)
    mine = statistics.median(seen["brattice"]) if "brattice" in seen else None
    yield "## Start: `true`, from spawn to exit\n"
    yield "| | median, ms | p90, ms | brattice ÷ this | runs |"
    yield "|---|---:|---:|---:|---:|"
    for name, v in seen.items():
        p90 = sorted(v)[int(len(v) * 0.9)] if len(v) > 1 else v[0]
        ratio = f"{mine / statistics.median(v):.2f}" if mine else ""
        yield f"| {name} | {statistics.median(v):.1f} | {p90:.1f} | {ratio} | {len(v)} |"
    yield ""


def family(pid):
    """The process and its descendants."""
    parents = {}
    for d in pathlib.Path("/proc").iterdir():
        if d.name.isdigit():
            try:
                parents[int(d.name)] = int((d / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    found = [pid]
    for p in found:
        found += [child for child, parent in parents.items() if parent == p]
    return found


def pss(pid):
    """Proportional set size in KiB."""
    return int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])


def memory(b):
    """A session that sleeps: its processes but the command itself."""
    peers = b.peers(["bwrap", "firejail", "crun", "srt", "brattice"])
    yield "## Memory of a session beside its command\n"
    yield "| | processes | PSS, MB |"
    yield "|---|---:|---:|"
    for name, wrap in peers.items():
        p = b.popen(wrap(["sleep", "86401"]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 20
        rest, sleeping = [], False
        while not sleeping and time.monotonic() < deadline:
            time.sleep(0.05)
            rest = []
            sleeping = False
            for pid in family(p.pid):
                try:
                    cmdline = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if cmdline[:2] == [b"sleep", b"86401"]:
                    sleeping = True
                else:
                    rest.append(pid)
        time.sleep(0.3)
        try:
            yield f"| {name} | {len(rest)} | {sum(pss(pid) for pid in rest) / 1024:.1f} |"
        except (OSError, TypeError) as why:
            yield f"| {name} | {len(rest)} | not readable as this user ({type(why).__name__}) |"
        for pid in reversed(family(p.pid)):
            try:
                os.kill(pid, 9)
            except OSError:
                continue
        p.wait()
    yield ""


def make_trees(b):
    """A repository of 3,000 files, and a C project of 60."""
    for i in range(60):
        d = b.project / "tree" / f"d{i}"
        d.mkdir(parents=True)
        for k in range(50):
            (d / f"f{k}.txt").write_text(f"{i} {k}\n" * 20, encoding="utf-8")
    build = b.project / "c"
    build.mkdir()
    for i in range(60):
        body = "".join(f"int f{i}_{k}(int x) {{ char b[64]; return snprintf(b, sizeof b, \"%d\", x * {k}) + (int)strlen(b); }}\n" for k in range(30))
        (build / f"u{i}.c").write_text("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n" + body, encoding="utf-8")
    (build / "Makefile").write_text("OBJ = $(patsubst %.c,%.o,$(wildcard *.c))\nall: clean\n\t@$(MAKE) -s -j2 objects\nobjects: $(OBJ)\n"
                                    "%.o: %.c\n\t@$(CC) -O1 -c -o $@ $<\nclean:\n\t@rm -f *.o\n", encoding="utf-8")
    subprocess.run(["gcc", "-O2", "-o", b.project / "clock", ROOT / "bench/clock.c"], check=True)
    b.own()
    for argv in (["git", "init", "-q"], ["git", "add", "tree"], ["git", "-c", "user.name=b", "-c", "user.email=b@example.org", "commit", "-qm", "tree"]):
        _, status, out = b.run(argv)
        if status != 0:
            raise SystemExit(out)


def work(b):
    """File work and processes, timed from inside."""
    make_trees(b)
    peers = b.peers(["bare", "bwrap", "srt", "brattice"])
    jobs = [
        ("`git status`, 3,000 files", 10, ["git", "status", "--porcelain"], 1e6, "ms"),
        ("C build, 60 files, `make -j2`", 1, ["make", "-s", "-C", "c"], 1e6, "ms"),
        ("10,000 creates of 100 bytes, each", 100, ["-create", str(b.project / "new")], 1e5, "µs"),
        ("fork and exec of `true`, each", 300, ["true"], 1e3, "µs"),
    ]
    yield "## Work, timed inside (the sandbox's start doesn't count)\n"
    yield "| | " + " | ".join(peers) + " | brattice ÷ bare |"
    yield "|---|" + "---:|" * (len(peers) + 1)
    gate = None
    for title, times, command, unit, word in jobs:

        def once(name, times=times, command=command, unit=unit):
            shutil.rmtree(b.project / "new", ignore_errors=True)
            (b.project / "new").mkdir()
            b.own_one(b.project / "new")
            _, status, out = b.run(peers[name]([str(b.project / "clock"), str(times), *command]))
            numbers = [float(line) / unit for line in out.splitlines() if line.isdigit()]
            if status != 0 or len(numbers) != times:
                raise SystemExit(f"{name}: {command}: status {status}: {out[-400:]}")
            return [statistics.mean(numbers)] if "-create" in command else numbers

        seen = interleave(peers, max(5, b.options.rounds // 8), {"srt": 2}, once)
        medians = {name: statistics.median(v) for name, v in seen.items()}
        ratio = f"{medians['brattice'] / medians['bare']:.3f}" if "brattice" in medians else ""
        yield f"| {title} | " + " | ".join(f"{m:.1f} {word}" for m in medians.values()) + f" | {ratio} |"
        if command == ["true"] and "brattice" in medians:
            gate = medians["brattice"] - medians["bare"]
    yield ""
    if gate is not None:
        yield f"An exec, stopped, recorded, and its end: {gate:.0f} µs over bare, one `PATH` directory searched in vain included.\n"


def audit(b):
    """The log by itself, on the disk where sessions' state would be: writer, readers, verification, a query, the auditor's start."""
    build = ROOT / os.environ.get("BUILD", "build")
    subprocess.run(["ninja", "-C", build, "bench/bench-audit"], check=True, stdout=subprocess.DEVNULL)
    tool, helpers = build / "bench/bench-audit", build / "libexec/brattice"
    # Not the tmpfs of the other sections: a log that is synced nowhere says nothing.
    work = pathlib.Path(tempfile.mkdtemp(prefix="brattice-bench-audit.", dir="/var/tmp"))

    def said(*argv):
        return subprocess.run([str(a) for a in argv], check=True, capture_output=True, text=True).stdout.strip()

    try:
        yield f"## The audit log, {b.options.events:,} events\n"
        yield "| | |"
        yield "|---|---|"
        (work / "log").mkdir()
        (work / "state").mkdir()
        yield f"| writer, synced every 10 ms | {said(tool, 'write', work / 'log', b.options.events)} |"
        yield f"| reader | {said(tool, 'read', work / 'log')} |"
        yield f"| denials, by the index | {said(tool, 'query', work / 'log')} |"
        began = time.perf_counter()
        # 32: a benchmark's host is known to nobody.
        status = subprocess.run([helpers / "brattice-log", "verify", f"{work}/log/"], check=False, capture_output=True).returncode
        if status != 32:
            raise SystemExit(f"brattice verify: status {status}")
        yield f"| `brattice verify` | {b.options.events / (time.perf_counter() - began):.0f} events/s |"
        yield f"| auditor, from exec to the first checkpoint on disk | {said(tool, 'start', helpers / 'brattice-auditor', work / 'state', 100)} |"
        yield ""
    finally:
        shutil.rmtree(work, ignore_errors=True)


def version(argv):
    try:
        out = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return (out.stdout or out.stderr).strip().splitlines()[0] if (out.stdout or out.stderr).strip() else None


def head(b):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    ram = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    fs = subprocess.run(["stat", "-f", "-c", "%T", b.project], capture_output=True, text=True, check=True).stdout.strip()
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    yield "# Benchmarks\n"
    yield f"Made by `make bench` on {datetime.date.today()}; {b.options.rounds} interleaved rounds, medians, as " + (
        "root." if b.account.pw_uid == 0 else "an ordinary user.")
    yield ""
    yield f"- {os.cpu_count()} × {cpu[1] if cpu else 'unknown'}, {ram / 1048576:.0f} GiB; Linux {os.uname().release.split('-')[0]}; project on {fs}; load average {os.getloadavg()[0]:.1f}"
    srt = PEERS / "node_modules/@anthropic-ai/sandbox-runtime/package.json"
    found = [f"brattice {commit}", version(["bwrap", "--version"]), version(["firejail", "--version"]), version(["crun", "--version"]),
             version(["unshare", "--version"]), f"srt {json.loads(srt.read_text())['version']}" if srt.exists() else None]
    yield "- " + "; ".join(v for v in found if v)
    yield ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="start,memory,work,audit")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--events", type=int, default=10_000_000, help="entries of the audit log")
    parser.add_argument("--user")
    parser.add_argument("--output", default=ROOT / "bench/RESULTS.md")
    options = parser.parse_args()
    b = Bench(options)
    lines = []
    try:
        for section in (head, *(globals()[name] for name in options.only.split(",") if name in ("start", "memory", "work", "audit"))):
            for line in section(b):
                print(line, flush=True)
                lines.append(line)
        for name, why in b.left_out.items():
            lines.append(f"- {name} left out: {why}")
            print(lines[-1])
        pathlib.Path(options.output).write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    finally:
        if os.getuid() == 0:
            subprocess.run(["umount", "--lazy", b.work], check=False)
        shutil.rmtree(b.work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
