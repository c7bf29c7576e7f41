// What a program built on imapflow does with a mailbox; TAP lines without
// numbers on stdout.  usage: walk.js PORT PASSWORD CERTIFICATE LMTP-PORT
'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const net = require('node:net');
const { ImapFlow } = require('imapflow');

const [port, pass, cert, lmtpPort] = process.argv.slice(2);

function connect(more) {
    return new ImapFlow({
        host: 'localhost', port: Number(port), secure: true,
        auth: { user: 'ann', pass },
        tls: { ca: fs.readFileSync(cert) },
        logger: false, ...more,
    });
}

async function check(name, what) {
    try {
        await what();
        console.log(`ok imapflow: ${name}`);
    } catch (error) {
        console.log(`# ${String(error.stack || error).replace(/\n/g, '\n# ')}`);
        console.log(`# ${error.response || ''}`);
        console.log(`not ok imapflow: ${name}`);
    }
}

const mail = (subject, body = 'Hello.') => Buffer.from(
    `From: Jürgen <juergen@far.test>\r\nTo: ann@ex.test\r\n` +
    `Subject: ${subject}\r\nMessage-ID: <${encodeURI(subject)}@far.test>\r\n` +
    `MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n` +
    `--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${body}\r\n` +
    `--b\r\nContent-Type: text/csv\r\nContent-Transfer-Encoding: base64\r\n` +
    `Content-Disposition: attachment; filename="t.csv"\r\n\r\nYSxiLGMK\r\n` +
    `--b--\r\n`);

function deliver(subject) {
    return new Promise((resolve, reject) => {
        const lines = ['LHLO c', 'MAIL FROM:<a@far.test>', 'RCPT TO:<ann>',
            'DATA', `Subject: ${subject}\r\n\r\nnew\r\n.`, 'QUIT'];
        const socket = net.connect(Number(lmtpPort), '127.0.0.1');
        socket.on('data', data => {
            if (/^\d\d\d /m.test(data.toString()))
                lines.length ? socket.write(lines.shift() + '\r\n') :
                    socket.end();
        });
        socket.on('close', resolve);
        socket.on('error', reject);
    });
}

async function readAll(stream) {
    const parts = [];
    for await (const part of stream) parts.push(part);
    return Buffer.concat(parts).toString();
}

async function walk(client) {
    await check('COMPRESS, CONDSTORE and IDLE are seen', async () => {
        for (const name of ['COMPRESS=DEFLATE', 'CONDSTORE', 'IDLE', 'MOVE'])
            assert(client.capabilities.has(name), name);
        assert(client.enabled.has('CONDSTORE'));
    });
    await check('folders with umlauts, listed with their status', async () => {
        await client.mailboxCreate(['flow', 'sub']);
        await client.mailboxCreate('Entwürfe');
        const list = await client.list({ statusQuery: { messages: true } });
        const entry = list.find(box => box.path === 'Entwürfe');
        assert.strictEqual(entry.status.messages, 0);
        assert(list.find(box => box.specialUse === '\\Sent'));
    });
    await check('appends 20 messages, with dates and flags', async () => {
        for (let n = 0; n < 20; n++) {
            const got = await client.append('INBOX', mail(`grüße ${n}`,
                `needle ${n} im Heu`), n % 2 ? ['\\Seen'] : [],
                new Date(Date.UTC(2020, 0, n + 1)));
            assert.strictEqual(got.destination, 'INBOX');
            assert(got.uid > 0 && got.uidValidity > 0n);
        }
        const status = await client.status('INBOX', { messages: true,
            unseen: true, uidNext: true, highestModseq: true });
        assert.strictEqual(status.messages, 20);
        assert.strictEqual(status.unseen, 10);
    });
    const lock = await client.getMailboxLock('INBOX');
    await check('fetches envelopes, structures, sizes and dates', async () => {
        const seen = [];
        for await (const one of client.fetch('1:*', { uid: true, flags: true,
            envelope: true, bodyStructure: true, internalDate: true,
            size: true, threadId: true, headers: ['message-id'] }))
            seen.push(one);
        assert.strictEqual(seen.length, 20);
        assert.strictEqual(seen[3].envelope.subject, 'grüße 3');
        assert.strictEqual(seen[3].envelope.from[0].name, 'Jürgen');
        assert.strictEqual(seen[3].bodyStructure.childNodes.length, 2);
        assert.strictEqual(seen[3].internalDate.toISOString(),
            '2020-01-04T00:00:00.000Z');
        assert(seen[3].headers.toString().startsWith('Message-ID:'));
        assert(seen[3].emailId);
        assert.strictEqual(seen[3].size, mail('grüße 3',
            'needle 3 im Heu').length);
    });
    await check('downloads a message and an attachment', async () => {
        const whole = await client.download('5');
        assert.strictEqual(await readAll(whole.content),
            mail('grüße 4', 'needle 4 im Heu').toString());
        const part = await client.download('5', '2');
        assert.strictEqual(part.meta.filename, 't.csv');
        assert.strictEqual(await readAll(part.content), 'a,b,c\n');
    });
    await check('reads only the start of a text', async () => {
        const one = await client.fetchOne('5', {
            source: { start: 0, maxLength: 10 } });
        assert.strictEqual(one.source.toString(), 'From: Jürg'.slice(0, 9));
    });
    await check('searches', async () => {
        const hits = async query => (await client.search(query)).length;
        assert.strictEqual(await hits({ subject: 'GRÜßE 7' }), 1);
        assert.strictEqual(await hits({ seen: false }), 10);
        assert.strictEqual(await hits({ body: 'needle 1' }), 11);
        assert.strictEqual(await hits({ or: [{ subject: 'grüße 3' },
            { subject: 'grüße 4' }] }), 2);
        assert.strictEqual(await hits({ since: new Date('2020-01-11') }), 10);
        assert.strictEqual(await hits({ sentBefore: new Date('2000-01-01'),
            not: { seen: true } }), 0);
        assert.strictEqual(await hits({ header: { 'message-id': 'far' } }),
            20);
    });
    await check('flags, keywords, only what changed since', async () => {
        const before = client.mailbox.highestModseq;
        await client.messageFlagsAdd('1:3', ['\\Flagged', '$Forwarded']);
        await client.messageFlagsRemove('2', ['\\Flagged']);
        const changed = [];
        for await (const one of client.fetch('1:*', { flags: true },
            { changedSince: before }))
            changed.push(one);
        assert.deepStrictEqual(changed.map(one => one.seq), [1, 2, 3]);
        assert(changed[0].flags.has('\\Flagged'));
        assert(!changed[1].flags.has('\\Flagged'));
        assert(changed[1].flags.has('$Forwarded'));
    });
    await check('copies, moves and deletes, with the new UIDs', async () => {
        const copied = await client.messageCopy('1:2', 'Entwürfe');
        assert.strictEqual(copied.uidMap.size, 2);
        const moved = await client.messageMove('3:5',
            client.namespace.prefix + 'flow' + client.namespace.delimiter +
            'sub');
        assert.strictEqual(moved.uidMap.size, 3);
        assert.strictEqual(client.mailbox.exists, 17);
        await client.messageDelete('1');
        assert.strictEqual(client.mailbox.exists, 16);
    });
    await check('IDLE tells of new mail, flags and expunges', async () => {
        const other = connect();
        await other.connect();
        const told = event => new Promise((resolve, reject) => {
            setTimeout(() => reject(new Error(`no ${event}`)), 15000).unref();
            client.once(event, resolve);
        });
        const idling = client.idle();
        let event = told('exists');
        await deliver('pushed');
        assert.strictEqual((await event).count, 17);
        event = told('flags');
        await other.mailboxOpen('INBOX');
        await other.messageFlagsAdd('17', ['\\Flagged']);
        assert((await event).flags.has('\\Flagged'));
        event = told('expunge');
        await other.messageDelete('17');
        assert.strictEqual((await event).seq, 17);
        await other.logout();
        await client.noop();
        await idling;
    });
    lock.release();
    await check('renames and deletes folders', async () => {
        const path = ['flow', 'sub'].join(client.namespace.delimiter);
        await client.mailboxRename(path, 'flow2');
        await client.mailboxDelete('flow2');
        const list = await client.list();
        assert(!list.find(box => box.path === 'flow2'));
    });
}

(async () => {
    const client = connect();
    await check('connects', () => client.connect());
    await walk(client);
    await check('logs out', () => client.logout());
    await check('hears why a password is wrong', async () => {
        const wrong = connect({ auth: { user: 'ann', pass: 'no' } });
        await assert.rejects(wrong.connect(), error =>
            error.authenticationFailed &&
            error.serverResponseCode === 'AUTHENTICATIONFAILED');
    });
    process.exit(0);
})();
