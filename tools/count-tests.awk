# Adds up TAP files: failures with their diagnostics, skips with their reasons, then the one line of the count.
# A file that planned more tests than it reported, planned nothing, or ended badly without a failure counts as a failure.

function close_file() {
	if (file == "")
		return
	if (plan == "")
		fail(file ": no plan: it did not run to its end")
	else if (seen < plan)
		fail(file ": " (plan - seen) " of " plan " tests never reported")
	else if (status != 0 && bad_here == 0)
		fail(file ": exit status " status)
}

function fail(text) {
	failed++
	bad_here++
	print "FAILED  " text
}

FNR == 1 {
	close_file()
	file = FILENAME
	sub(/.*\//, "", file)
	sub(/\.tap$/, "", file)
	plan = ""
	seen = bad_here = status = 0
	showing = 0
}
/^1\.\.[0-9]+/ {
	plan = substr($1, 4) + 0
	next
}
/^# exit [0-9]+$/ {
	status = $3 + 0
	next
}
/^(not )?ok [0-9]/ {
	seen++
	showing = 0
	text = $0
	sub(/^(not )?ok [0-9]+ *-? */, "", text)
	if (match(tolower(text), /# *skip/)) {
		skips[++skipped] = file ": " text
	} else if ($1 == "not") {
		fail(file ": " text)
		showing = 1
	} else {
		passed++
	}
	next
}
showing {
	print "        " $0
}
END {
	close_file()
	for (i = 1; i <= skipped; i++)
		print "skipped " skips[i]
	line = (passed + 0) " passed, " (failed + 0) " failed"
	if (skipped)
		line = line ", " skipped " skipped"
	print line
	exit(failed > 0 || passed == 0)
}
