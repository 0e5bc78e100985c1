#!/usr/bin/env bats
# Language servers, spoken to as an editor does.

load lib

setup_file() { real_setup_file lsp; }
teardown_file() { real_teardown_file; }
setup() { real_setup; }
teardown() { real_teardown; }

@test "clangd finds a definition and reports a fault" {
	put "$PROJ/main.c" <<-'EOF'
		static int answer(void)
		{
			return 42;
		}
		int main(void)
		{
			return answer() + missing;
		}
	EOF
	succeeds wall python3 "$REAL_TOOLS/lsp_client.py" main.c c 6 9 -- clangd
	has "server clangd"
	has "definition 0"
	has "diagnostic 6 Use of undeclared identifier 'missing'"
	has "exit 0"
}

@test "pyright finds a definition and reports a fault" {
	put "$PROJ/main.py" <<-'EOF'
		def answer() -> int:
		    return 42


		print(answer() + missing)
	EOF
	wall_options=(--profile node --profile python)
	succeeds wall python3 "$REAL_TOOLS/lsp_client.py" main.py python 4 7 -- node "$CACHE/lsp/node_modules/pyright/langserver.index.js" --stdio
	has "definition 0"
	has 'diagnostic 4 "missing" is not defined'
	has "exit 0"
}
