#!/usr/bin/env bash
# libsieve itself, built with ASan and UBSan from Debian's source, executes
# the programs that sieve/ emits: random ones, and those of all our scripts.
# Debian's own package knows no sanitizer.  TAP.
set -u
top=${PF_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${PF_BUILD:-$top/build}-check
cache=${PF_CACHE:-$HOME/.cache/penfold-tests}/libsieve
n=0 bad=0
ok() { # ok STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else bad=1; echo "not ok $n - $2"; fi
}

fetch() { # libsieve_2.2.6.orig.tar.gz, by apt's own signatures
	local apt=(apt-get -q -o Dir::Etc::sourcelist=/dev/null
		-o Dir::Etc::sourceparts="$cache/parts"
		-o Dir::State::Lists="$cache/lists" -o APT::Sandbox::User=root)
	mkdir -p "$cache/parts" "$cache/lists/partial" && cd "$cache" || return 1
	ls libsieve_*.orig.tar.gz >/dev/null 2>&1 && return 0
	local file
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -e "$file" ] && sed 's/^Types:.*/Types: deb-src/' "$file" \
			>"parts/${file##*/}"
	done
	[ -e /etc/apt/sources.list ] && sed -n 's/^deb /deb-src /p' \
		/etc/apt/sources.list >parts/main.list
	"${apt[@]}" update && "${apt[@]}" --tar-only source libsieve
}

compile() { # leaves .libs/libsieve.so.1
	cd "$cache" && rm -rf src && mkdir src &&
		tar xzf libsieve_*.orig.tar.gz -C src --strip-components=1 &&
		cd src/src && sh ./configure --enable-shared --disable-static \
		CFLAGS="-O1 -g -w -fcommon -fsanitize=address,undefined -fno-omit-frame-pointer" &&
		make && nm -D .libs/libsieve.so.1 | grep -q __asan
}

fetch >"/tmp/penfold-libsieve-$$.log" 2>&1 || tail -3 "/tmp/penfold-libsieve-$$.log" | sed 's/^/# /'
[ -e "$(echo "$cache"/libsieve_*.orig.tar.gz)" ]
ok $? "its source is there"
if [ ! -e "$cache/src/src/.libs/libsieve.so.1" ]; then
	compile >"/tmp/penfold-libsieve-$$.log" 2>&1 ||
		tail -3 "/tmp/penfold-libsieve-$$.log" | sed 's/^/# /'
fi
[ -e "$cache/src/src/.libs/libsieve.so.1" ]
ok $? "it builds with sanitizers"
rm -f "/tmp/penfold-libsieve-$$.log"
tests="tests/sieve/test_random tests/sieve/test_svt tests/sieve/test_compile tests/sieve/test_hostile"
"$top/tests/build" "$build" --enable-werror --enable-sanitizers \
	--enable-fault-injection CFLAGS="-O1 -g" CXXFLAGS="-O1 -g" >&2 &&
	make -s -C "$build" -j"$(nproc)" $tests >&2
ok $? "our tests build"
export LD_LIBRARY_PATH="$cache/src/src/.libs"
export UBSAN_OPTIONS=halt_on_error=1 PF_SRCDIR=$top
for test in $tests; do
	ldd "$build/$test" | grep -q "=> $cache"
	ok $? "${test##*/} runs with it"
	log=$(SIEVE_RANDOM_COUNT=2000 "$build/$test" 2>&1)
	code=$?
	[ $code -eq 0 ] || echo "$log" | grep -E '^not ok|ERROR|runtime error|#[0-9] ' | head -12 | sed 's/^/# /'
	ok $code "${test##*/}: neither a wrong access nor a leak"
done
echo "1..$n"
exit $bad
