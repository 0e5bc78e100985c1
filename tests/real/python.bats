#!/usr/bin/env bats
# Python: a virtual environment, pip from local wheels, pytest, and what the standard library asks of the system.

load lib

setup_file() { real_setup_file python; }
teardown_file() { real_teardown_file; }
setup() { real_setup; wall_options=(--profile python); }
teardown() { real_teardown; }

venv_and_pytest() {
	put "$PROJ/test_all.py" <<-'EOF'
		import asyncio
		import multiprocessing
		import os
		import pathlib
		import socket
		import sqlite3
		import subprocess
		import threading


		def test_files(tmp_path):
		    (tmp_path / "a").write_text("x")
		    os.replace(tmp_path / "a", tmp_path / "b")
		    os.link(tmp_path / "b", tmp_path / "c")
		    assert (tmp_path / "c").read_text() == "x"
		    pathlib.Path("made-by-test").write_text("y")


		def test_processes():
		    with multiprocessing.get_context("spawn").Pool(2) as pool:
		        assert pool.map(abs, [-1, 2]) == [1, 2]
		    assert subprocess.run(["sh", "-c", "exit 3"]).returncode == 3
		    lock = multiprocessing.Lock()  # a semaphore in /dev/shm
		    assert lock.acquire(timeout=1)


		def test_threads_and_sockets():
		    server = socket.create_server(("127.0.0.1", 0))
		    thread = threading.Thread(target=lambda: server.accept()[0].sendall(b"hi"))
		    thread.start()
		    with socket.create_connection(server.getsockname()) as c:
		        assert c.recv(2) == b"hi"
		    thread.join()
		    assert asyncio.run(asyncio.sleep(0, 7)) == 7


		def test_sqlite(tmp_path):
		    db = sqlite3.connect(tmp_path / "db")
		    db.execute("pragma journal_mode=wal")
		    db.execute("create table t(x)")
		    db.commit()
	EOF
	succeeds wall_sh '
		/usr/bin/python3 -m venv .venv
		.venv/bin/pip install -q --no-index --find-links "$1/wheels" pytest
		.venv/bin/pytest -q -p no:cacheprovider' sh "$CACHE"
	has "4 passed"
	same "y" "$(as cat made-by-test)"
	succeeds as .venv/bin/python -c 'import pytest'
}

@test "venv, pip install from wheels, pytest" {
	venv_and_pytest
}

@test "venv, pip install from wheels, pytest, as root" {
	as_root
	venv_and_pytest
}

@test "an editable install of the project, and its console script" {
	host_sh '
		mkdir -p src/greet
		printf "def main():\n    print(\"greetings\")\n" >src/greet/__init__.py
		printf "[project]\nname = \"greet\"\nversion = \"0.1\"\n[project.scripts]\ngreet = \"greet:main\"\n[build-system]\nrequires = []\nbuild-backend = \"setuptools.build_meta\"\n[tool.setuptools.packages.find]\nwhere = [\"src\"]\n" >pyproject.toml'
	succeeds wall_sh '
		/usr/bin/python3 -m venv .venv
		.venv/bin/pip install -q --no-index --find-links "$1/wheels" wheel
		.venv/bin/pip install -q --no-index --no-build-isolation -e .
		.venv/bin/greet' sh "$CACHE"
	has "greetings"
}
