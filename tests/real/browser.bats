#!/usr/bin/env bats
# A headless browser on a page that is served inside: what an agent does that looks at its own work.

load lib

setup_file() { real_setup_file browser; }
teardown_file() { real_teardown_file; }
setup() { real_setup; wall_options=(--profile browser); }
teardown() { real_teardown; }

page() {
	put "$PROJ/index.html" <<-'EOF'
		<!doctype html>
		<title>page</title>
		<p id="p">static</p>
		<script>
		const worker = new Worker(URL.createObjectURL(new Blob(['postMessage(6 * 7)'])))
		document.getElementById('p').textContent = 'waiting'
		worker.onmessage = m => { document.getElementById('p').textContent = 'script says ' + m.data }
		</script>
	EOF
}

dump() {
	page
	succeeds wall "$REAL_TOOLS/browser-page.sh" index.html --virtual-time-budget=5000 --dump-dom
	has "script says 42"
}

@test "chromium runs a page's script and prints its document" {
	dump
}

@test "chromium runs a page's script and prints its document, as root" {
	as_root
	dump
}

@test "chromium takes a screenshot" {
	page
	succeeds wall "$REAL_TOOLS/browser-page.sh" index.html --window-size=320,200 --screenshot="$PROJ/shot.png"
	same "PNG image data, 320 x 200" "$(file -b "$PROJ/shot.png" | cut -d, -f1,2)"
}
