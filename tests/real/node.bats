#!/usr/bin/env bats
# Installs by npm, pnpm and Yarn Berry from a cache inside the project, with husky's lifecycle script, and Node itself.

load lib

setup_file() { real_setup_file node; }
teardown_file() { real_teardown_file; }
setup() { real_setup; wall_options=(--profile node --profile git --env=npm_config_update_notifier=false); }
teardown() { real_teardown; }

# node_project MANAGER: its copy of the project, committed by the host.
node_project() {
	host_sh "cp -r '$CACHE/node-projects/$1/.' . && git init -q && git add -A && git commit -qm import"
}

# husky's `prepare` ran. It sets core.hooksPath, which makes the host's git run programs from the tree: inside, git may not.
husky_ran() {
	if [ "${WALL:-brattice}" = none ]; then
		same ".husky/_" "$(as git config core.hooksPath)"
	else
		same "" "$(as git config core.hooksPath)"
	fi
	clean_repository
}

npm_ci() {
	node_project npm
	succeeds wall_sh 'npm ci --offline --no-audit --no-fund --cache "$PWD/.cache/npm" && npm test && npm ls && npx --offline semver -i minor 1.2.3'
	has "padded 007"
	has "husky@9.1.7"
	has "1.3.0"
	[ -x "$PROJ/node_modules/.bin/semver" ]
	husky_ran
	# The host runs what was installed.
	succeeds as npm test
}

# bats test_tags=smoke
@test "npm ci from a cache, npm test, npx" {
	npm_ci
}

@test "npm ci from a cache, npm test, npx, as root" {
	as_root
	npm_ci
}

@test "npm ci again replaces node_modules" {
	node_project npm
	succeeds wall_sh 'npm ci --offline --no-audit --no-fund --cache "$PWD/.cache/npm"'
	as touch node_modules/stale
	succeeds wall_sh 'npm ci --offline --no-audit --no-fund --cache "$PWD/.cache/npm" && npm test'
	has "padded 007"
	[ ! -e "$PROJ/node_modules/stale" ]
}

@test "npm ci where the host's husky has set core.hooksPath" {
	node_project npm
	succeeds host_sh 'npm ci --offline --no-audit --no-fund --cache "$PWD/.cache/npm" && printf "echo its-hook\n" >.husky/pre-commit && git add -A && git commit -qm hook'
	local before
	before=$(as sh -c 'git config core.hooksPath; find .husky -type f -exec sha256sum {} + | sort')
	succeeds wall_sh 'npm ci --offline --no-audit --no-fund --cache "$PWD/.cache/npm" && npm test'
	has "padded 007"
	same "$before" "$(as sh -c 'git config core.hooksPath; find .husky -type f -exec sha256sum {} + | sort')"
	succeeds host_sh 'git commit --allow-empty -m x 2>&1'
	has its-hook
}

@test "pnpm install from a store" {
	node_project pnpm
	succeeds wall_sh 'export XDG_CACHE_HOME=$PWD/.cache/xdg; "$1"/pnpm install --offline --frozen-lockfile --store-dir "$PWD/.cache/pnpm" && "$1"/pnpm test' bin "$CACHE/node/node_modules/.bin"
	has "padded 007"
	husky_ran
	succeeds as node test/pad.js
}

@test "Yarn Berry installs from the project's cache, with Plug'n'Play" {
	node_project yarn
	wall_options+=(--env=YARN_ENABLE_NETWORK=0 --env=YARN_ENABLE_TELEMETRY=0)
	succeeds wall_sh '"$1"/yarn install --immutable && "$1"/yarn test && "$1"/yarn semver -i minor 1.2.3' bin "$CACHE/node/node_modules/.bin"
	has "padded 007"
	has "1.3.0"
	husky_ran
}

@test "Node: workers, child processes, watchers, copies, sockets, a server" {
	put "$PROJ/all.mjs" <<-'EOF'
		import assert from 'node:assert'
		import { execFileSync, fork, spawn } from 'node:child_process'
		import fs from 'node:fs'
		import http from 'node:http'
		import net from 'node:net'
		import os from 'node:os'
		import { once } from 'node:events'
		import { Worker } from 'node:worker_threads'

		assert.equal(execFileSync('echo', ['child'], { encoding: 'utf8' }), 'child\n')
		const [code] = await once(spawn('sh', ['-c', 'exit 3']), 'exit')
		assert.equal(code, 3)
		const [answer] = await once(new Worker('require("node:worker_threads").parentPort.postMessage(42)', { eval: true }), 'message')
		assert.equal(answer, 42)

		const seen = new Promise(resolve => fs.watch('.', (_, name) => name === 'watched' && resolve()))
		fs.writeFileSync('watched', 'x')
		await seen
		fs.copyFileSync('watched', 'copied')
		fs.renameSync('copied', 'renamed')
		fs.symlinkSync('renamed', 'link')
		fs.linkSync('renamed', 'hard')
		fs.chmodSync('renamed', 0o755)
		fs.cpSync('.', `${process.env.SCRATCH}/tree`, { recursive: true, filter: name => !name.includes('.git') })
		assert.equal(fs.readFileSync('link', 'utf8'), 'x')

		const server = http.createServer((_, response) => response.end('served')).listen(0, '127.0.0.1')
		await once(server, 'listening')
		const body = await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text()
		assert.equal(body, 'served')
		server.close()
		server.closeAllConnections()
		const local = net.createServer(socket => socket.end('local')).listen(`${process.env.SCRATCH}/s`)
		await once(local, 'listening')
		const [data] = await once(net.connect(`${process.env.SCRATCH}/s`), 'data')
		assert.equal(String(data), 'local')
		local.close()
		assert.ok(os.userInfo().username)
		console.log('all worked', os.cpus().length > 0)
		process.exit(0)
	EOF
	succeeds wall node all.mjs
	has "all worked true"
	same "x" "$(as cat renamed)"
}
