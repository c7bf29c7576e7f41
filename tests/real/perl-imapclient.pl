#!/usr/bin/perl
# What a script with Mail::IMAPClient does with a mailbox; TAP lines without
# numbers on stdout.  usage: perl-imapclient.pl PORT PASSWORD CERTIFICATE
use strict;
use warnings;
use Mail::IMAPClient;

my ($port, $password, $cert) = @ARGV;
my $imap;

sub check {
	my ($good, $name) = @_;
	print "# ", ($imap && $imap->LastError) || $@ || '', "\n" unless $good;
	print $good ? 'ok' : 'not ok', " Mail::IMAPClient: $name\n";
}

sub same { join(',', @{$_[0]}) eq join(',', @{$_[1]}) }

sub mail {
	my ($n) = @_;
	return "From: a\@far.test\r\nTo: ann\@ex.test\r\nSubject: number $n\r\n"
	    . "Message-ID: <$n\@far.test>\r\n\r\nThe needle $n in the hay\r\n";
}

$imap = Mail::IMAPClient->new(
	Server => 'localhost', Port => $port, User => 'ann',
	Password => $password, Uid => 1, Peek => 1,
	Ssl => [SSL_ca_file => $cert, SSL_verifycn_scheme => 'none'],
);
check($imap, 'logs in') or exit 1;
check($imap->has_capability('IDLE'), 'capabilities');
my $separator = $imap->separator;
my $sub = "P1${separator}sub";
check($imap->create('P1') && $imap->create($sub) && $imap->create('P2')
	&& $imap->exists($sub), 'makes folders');
check($imap->subscribe($sub)
	&& grep({ $_ eq $sub } $imap->subscribed), 'subscribes');
check(defined $imap->is_parent('P1') && $imap->is_parent('P1'),
	'sees which have children');

my @uids = map { $imap->append_string('INBOX', mail($_),
	$_ % 2 ? '\Seen' : '', '01-Feb-2020 12:00:00 +0100') } 1 .. 10;
check(10 == grep({ defined && /^\d+$/ } @uids), 'appends, hears the UIDs');
$imap->select('INBOX');
check($imap->message_count == 10 && $imap->unseen_count == 5, 'counts');
check(same([$imap->messages], \@uids), 'lists UIDs');
check(same([$imap->search('SUBJECT', 'number 1')],
	[@uids[0, 9]]), 'searches subjects');
check(same([$imap->search('TEXT', 'NEEDLE 7')], [$uids[6]]),
	'searches texts');
check(same([$imap->unseen], [@uids[1, 3, 5, 7, 9]]), 'finds unseen');
check(same([$imap->sort('REVERSE SUBJECT', 'UTF-8', 'ALL')],
	[@uids[8, 7, 6, 5, 4, 3, 2, 1, 9, 0]]), 'sorts');
my $threads = $imap->thread('REFERENCES', 'UTF-8', 'ALL');
check(ref $threads && @$threads == 10, 'threads');

my $hash = $imap->fetch_hash('RFC822.SIZE', 'INTERNALDATE', 'FLAGS',
	'ENVELOPE');
check(keys %$hash == 10
	&& $hash->{$uids[2]}{'RFC822.SIZE'} == length mail(3)
	&& $hash->{$uids[2]}{INTERNALDATE} eq '01-Feb-2020 11:00:00 +0000',
	'fetches into a hash');
my $headers = $imap->parse_headers([@uids], 'Subject', 'Message-ID');
check($headers->{$uids[4]}{Subject}[0] eq 'number 5', 'parses headers');
check($imap->message_string($uids[3]) eq mail(4), 'reads a message');
check($imap->body_string($uids[3]) eq "The needle 4 in the hay\r\n",
	'reads a body');
my $structure = $imap->get_bodystructure($uids[3]);
check($structure && lc $structure->bodytype eq 'text', 'a structure');
my $envelope = $imap->get_envelope($uids[3]);
check($envelope && $envelope->subject eq 'number 4', 'an envelope');

check($imap->set_flag('MyKey', @uids[0, 1])
	&& grep({ $_ eq 'MyKey' } $imap->flags($uids[0]) ), 'keywords');
check($imap->see($uids[1]) && $imap->deny_seeing($uids[0])
	&& $imap->unseen_count == 5, 'marks read and unread');
check($imap->copy('P1', @uids[0 .. 2]), 'copies');
check($imap->move('P2', @uids[3 .. 5]), 'moves');
$imap->expunge;
check($imap->status('P1', 'messages') && $imap->message_count('P1') == 3
	&& $imap->message_count('P2') == 3
	&& $imap->message_count('INBOX') == 7, 'each has its own');
check($imap->delete_message(@uids[8, 9]) && $imap->expunge
	&& $imap->message_count == 5, 'deletes');

my $tag = $imap->idle;
check($tag, 'IDLE');
my $other = Mail::IMAPClient->new(Server => 'localhost', Port => $port,
	User => 'ann', Password => $password,
	Ssl => [SSL_ca_file => $cert, SSL_verifycn_scheme => 'none']);
$other->append_string('INBOX', mail('new'));
my $told = $imap->idle_data(10);
check($told && grep(/EXISTS/, @$told), 'and is told');
$imap->done($tag);
$other->logout;
check($imap->rename('P2', 'P2new') && $imap->delete('P2new')
	&& !$imap->exists('P2new'), 'renames and deletes');
check($imap->logout, 'logs out');
