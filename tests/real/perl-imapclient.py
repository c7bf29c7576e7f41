#!/usr/bin/env python3
"""Perl's Mail::IMAPClient, with perl-imapclient.pl for a script of a user."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from relay import Relay  # noqa: E402
from rig import *  # noqa: E402,F403


def main():
    with Rig(("ann",)) as rig, Relay(rig, "perl-imapclient") as relay:
        pass_on(run("perl", TOP / "tests/real/perl-imapclient.pl", relay.port,
                    PASSWORD, rig.dir / "tls/cert.pem"))
        equal([what for what in relay.refused
               if not what[0].startswith("STATUS P2new")], [],
              "Mail::IMAPClient: nothing was refused but what is gone")
        equal(relay.fields_not_kept(), set(),
              "Mail::IMAPClient: its header fields are in the summary")
    finish()


main()
