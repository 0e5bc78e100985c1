# Shared by the tests that attack the host through its git.
# plants SCRIPT: the script, run outside, makes the host's git run the attacker's command; run inside it does not.
# $PWN in it is a shell command that leaves the canary.
plants() {
	project_reset
	me /bin/sh -c "PWN='$(pwn)'; $1" > "$W/log/outside" 2>&1 || true
	if host_git_battery; then
		echo "no control: the script plants nothing outside"
		cat "$W/log/outside"
		return 1
	fi
	project_reset
	inside /bin/sh -c "PWN='$(pwn)'; $1" > "$W/log/inside" 2>&1 || true
	if ! host_git_battery; then
		echo "OPEN: the host's git ran the attacker's command"
		cat "$W/log/inside"
		return 1
	fi
}
