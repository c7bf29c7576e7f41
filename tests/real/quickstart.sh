#!/usr/bin/env bash
# ./quickstart as a newcomer runs it, on other ports, twice: the second start
# must find what the first one made.
top=${PF_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
dir=$(mktemp -d /tmp/penfold-quickstart-XXXXXX)
trap 'rm -rf "$dir"' EXIT
n=0
check() { # check NAME COMMAND...
	local name=$1; shift
	n=$((n + 1))
	if "$@" >/dev/null 2>&1; then echo "ok $n - $name"; else
		sed 's/^/# /' "$dir/out" | tail -30
		echo "not ok $n - $name"
	fi
}
hits() { # hits QUERY: penfold search found something
	grep -qE "search \"$1\" ->.*[0-9]" "$dir/out"
}
start=$SECONDS
"$top/quickstart" --dir "$dir/demo" --port 17143 --once >"$dir/out" 2>&1
check "quickstart ends well" test $? -eq 0
check "INBOX has two new mails" grep -qE 'INBOX +INBOX \(MESSAGES 2 UNSEEN 2\)' "$dir/out"
check "the list mail is in nanog" grep -qE 'nanog \(MESSAGES 1 UNSEEN 1\)' "$dir/out"
check "Sieve filed the invoice" grep -qE 'Invoices \(MESSAGES 1 UNSEEN 1\)' "$dir/out"
check "a mail is shown" grep -qE '^   \| Subject: ' "$dir/out"
for query in mackerel ZÜRICH こんにち bahnhofSTRAßE 'bgp sessions'; do
	check "search finds $query" hits "$query"
done
check "it says how to connect" grep -q smtpd_sasl_path "$dir/out"
second=$SECONDS
"$top/quickstart" --dir "$dir/demo" --port 17143 --once >"$dir/out" 2>&1
check "a second run ends well" test $? -eq 0
check "and adds to the mail that is there" grep -qE 'INBOX +INBOX \(MESSAGES 4 ' "$dir/out"
echo "# measured: second quickstart took $((SECONDS - second)) s"
echo "1..$n"
