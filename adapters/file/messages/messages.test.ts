/** Files that become messages, in a folder and by SFTP, with the deliveries of two real servers. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { InboxEvent } from '#adapters/client/index.ts'
import { consumed, type Ends, INBOX, openEnds } from '#adapters/kit/messages/ends-fixture.ts'
import { settle } from '#security-server/features/deliveries/acts-fixture.ts'
import { until } from '#test/until.ts'
import { eachKind } from '../files-fixture.ts'
import { filesIn, settingsOf, startMessages } from './messages-fixture.ts'

const DROP = { inbox: INBOX, eventSource: '/tax/drops', eventType: 'org.example.file' }
const TAX = 'DEV/GOV/1000/tax'
const CSV = {
  ...{ format: { kind: 'csv' }, key: 'code', each: 'row' },
  fields: {
    code: { type: 'string', pattern: '^P[0-9]+$', nullable: false },
    amount: { type: 'number' },
    note: { type: 'string' },
  },
}

async function arrived({ made, population }: Ends): Promise<InboxEvent[]> {
  const all: InboxEvent[] = []
  await settle(made)
  const inbox = population.inbox(INBOX)
  for (
    let some = await inbox.fetch({ limit: 100 });
    some.length > 0;
    some = await inbox.fetch({ limit: 100 })
  )
    for (const one of some) {
      all.push(one)
      await one.acknowledge()
    }
  return all
}

await eachKind(t, async (t, kind, { folder, source, server }) => {
  const ends = await openEnds(t)
  const at = (...names: string[]): string => path.join(folder, ...names)
  /** As whoever delivers does best: written elsewhere, and renamed. */
  const deliver = (name: string, content: string | Buffer): void => {
    writeFileSync(at('.incoming'), content)
    renameSync(at('.incoming'), at(name))
  }
  const start = async (more: object) =>
    startMessages(
      t,
      await settingsOf(t, { url: ends.urls.tax, client: TAX, source, complete: { by: 'rename' }, ...more }),
    )

  await t.test('a file is one message; it is in done when it is accepted', async (t) => {
    const { stop } = await start({
      drops: [{ ...DROP, name: 'files', files: '^[^.]+\\.(bin|json)$', contentType: 'application/json' }],
    })
    deliver('numbers.json', '{"amount": 1.50}')
    deliver('bytes.bin', Buffer.from([0, 255, 1]))
    deliver('other.txt', 'of no drop')
    symlinkSync('/etc/hostname', at('link.bin'))
    mkdirSync(at('folder.bin'))
    deliver('.hidden.bin', 'hidden')
    await until('both are done', async (saw) => saw(filesIn(folder, 'done')).length === 2)
    const events = await arrived(ends)
    const [bytes, numbers] = ['bytes.bin', 'numbers.json'].map((name) =>
      events.find(({ event }) => event.subject === name),
    )
    t.equal(events.length, 2)
    t.match(bytes!.event, { source: '/tax/drops', type: 'org.example.file', data_base64: 'AP8B' })
    t.match(Buffer.from(numbers!.bytes).toString(), '"data":{"amount": 1.50}', 'not printed anew')
    t.equal(readFileSync(at('done', 'numbers.json'), 'utf8'), '{"amount": 1.50}')
    t.strictSame(filesIn(folder), ['.hidden.bin', 'link.bin', 'other.txt'], 'left alone')
    deliver('numbers.json', '{"amount": 1.50}')
    await until('it is done again', async () => filesIn(folder, 'done').length === 3)
    t.strictSame(await arrived(ends), [], 'the same file is the same message')
    await stop()
  })

  await t.test('each row is a message, in order under its key', async (t) => {
    const { stop } = await start({ drops: [{ ...DROP, ...CSV, name: 'rows', files: 'csv$' }] })
    const rows = Array.from({ length: 30 }, (_, n) => `P${n % 3},${n}.5,+372 555 ${n}`)
    deliver('rows.csv', `code,amount,note\n${rows.join('\n')}\n`)
    await until('it is done', async () => filesIn(folder, 'done').includes('rows.csv'))
    const events = await arrived(ends)
    t.equal(events.length, 30)
    for (const key of ['P0', 'P1', 'P2'])
      t.strictSame(
        events
          .filter(({ event }) => event.partitionkey === key)
          .map(({ event }) => (event.data as { amount: number }).amount),
        Array.from({ length: 10 }, (_, n) => n * 3 + Number(key[1]) + 0.5),
      )
    await stop()
  })

  await t.test('what cannot be sent is set aside with the reason, and nothing of it was sent', async (t) => {
    const { stop } = await start({
      drops: [
        { ...DROP, ...CSV, name: 'rows', files: 'csv$' },
        { ...DROP, name: 'files', files: 'bin$' },
      ],
      limits: { eventBytes: 2000 },
    })
    const head = 'code,amount,note\nP1,1,fine\n'
    const broken: Record<string, [content: string | Buffer, reason: RegExp]> = {
      'latin.csv': [Buffer.from(`${head}P2,2,\xe4\n`, 'latin1'), /is not utf-8/],
      'nul.csv': [`${head}P2,2,a\0b\n`, /NUL/],
      'two-marks.csv': [`${head}P2,2,\ufeffa\n`, /byte order mark/],
      'utf16.csv': [Buffer.from(head, 'utf16le'), /no column|NUL|utf-8/],
      'type.csv': [`${head}P2,two,x\n`, /row 2: amount holds something that is no number/],
      'rule.csv': [`${head}X2,2,x\n`, /row 2: code is not as the settings say/],
      'value.csv': [`${head},2,x\n`, /row 2: code is not as the settings say/],
      'column.csv': ['code,amount\nP1,1\n', /no column note/],
      'quote.csv': [`${head}P2,2,"x\n`, /never closed/],
      'formula.csv': [`${head}P2,2,=1+1\n`, /row 2: note begins as a formula/],
      'plus.csv': [`${head}P2,2,+cmd|x\n`, /formula/],
      'tab.csv': [`${head}P2,2,"\t=1"\n`, /formula/],
      'large.bin': [Buffer.alloc(2001), /larger than 2000 bytes/],
      'grown.bin': [Buffer.alloc(1600), /event is larger than 2000/],
    }
    for (const [name, [content]] of Object.entries(broken)) deliver(name, content)
    await until(
      'all are set aside',
      async (saw) => saw(filesIn(folder, 'quarantine')).length === Object.keys(broken).length * 2,
    )
    for (const [name, [content, reason]] of Object.entries(broken)) {
      t.match(readFileSync(at('quarantine', `${name}.reason.txt`), 'utf8'), reason, name)
      t.ok(readFileSync(at('quarantine', name)).equals(Buffer.from(content)), name)
    }
    t.strictSame(await arrived(ends), [])
    deliver('type.csv', `${head}P2,2,x\n`)
    await until('the corrected one is done', async () => filesIn(folder, 'done').includes('type.csv'))
    t.equal((await arrived(ends)).length, 2)
    await stop()
  })

  await t.test('files are held against the schema of their drop', async (t) => {
    const schema = at('number.json')
    writeFileSync(schema, '{"type":"object","required":["amount"],"properties":{"amount":{"type":"number"}}}')
    const before = filesIn(folder, 'quarantine').length
    const { stop } = await start({ drops: [{ ...DROP, name: 'held', files: '^held', schema }] })
    deliver('held-wrong.json', '{"amount":"P00000007"}')
    deliver('held-right.json', '{"amount":7}')
    await until('one is done', async () => filesIn(folder, 'done').includes('held-right.json'))
    await until('one is set aside', async () => filesIn(folder, 'quarantine').length === before + 2)
    const why = readFileSync(at('quarantine/held-wrong.json.reason.txt'), 'utf8')
    t.match(why, /does not follow number\.json: type number, at \/amount/)
    t.notMatch(why, /P00000007/)
    t.match(await arrived(ends), [{ event: { subject: 'held-right.json' } }])
    await stop()
    for (const [wrong, message] of [
      [{ schema: 'a.txt' }, /schema/],
      [{ inbox: 'DEV/GOV/1/a%zz/b' }, /inbox is none/],
      [{ inbox: undefined }, /inbox or room is needed/],
      [{ room: 'DEV/GOV/1000/tax/events' }, /inbox or room is needed, and not both/],
      [
        { inbox: undefined, room: 'DEV/GOV/2000/population/events' },
        /room is no room of DEV\/GOV\/1000\/tax/,
      ],
      [{ schema: 'a.json', ...CSV }, /schema is for files of json/],
      [{ schema: 'a.xsd', ...CSV, format: { kind: 'json' } }, /schema is for files of xml/],
    ] as const)
      await t.rejects(start({ drops: [{ ...DROP, name: 'held', files: '^held', ...wrong }] }), { message })
  })

  await t.test('long names: set aside, done again, and nothing is lost', async (t) => {
    const drops = [
      { ...DROP, ...CSV, name: 'rows', files: '^rows.*csv$' },
      { ...DROP, name: 'files', files: '^whole' },
    ]
    const { stop } = await start({ drops })
    const broken = `rows${'ä'.repeat(123)}.csv`
    deliver(broken, 'nonsense')
    deliver('rowsö-good.csv', 'code,amount,note\nP7,1,x\n')
    await until('the one behind it is done', async (saw) =>
      saw(filesIn(folder, 'done')).includes('rowsö-good.csv'),
    )
    const reason = filesIn(folder, 'quarantine').find((one) => /^rowsä+~.*\.reason\.txt$/.test(one))
    t.match(readFileSync(at('quarantine', reason!), 'utf8'), /no column/)
    t.equal(readFileSync(at('quarantine', broken), 'utf8'), 'nonsense')
    const name = `whole${'y'.repeat(240)}.csv`
    const contents = (): string[] =>
      filesIn(folder, 'done')
        .filter((one) => one.startsWith('wholey'))
        .map((one) => readFileSync(at('done', one), 'utf8'))
        .sort()
    for (const [nth, content] of ['one', 'two', 'three'].entries()) {
      deliver(name, content)
      await until(`${content} is done`, async (saw) => saw(contents()).length === nth + 1)
    }
    t.strictSame(contents(), ['one', 'three', 'two'])
    deliver(name, 'two')
    await until('it is gone', async (saw) =>
      saw([...filesIn(folder), ...filesIn(folder, 'taken')]).every((one) => one !== name),
    )
    t.strictSame(contents(), ['one', 'three', 'two'], 'the same content is there once')
    await stop()
    await arrived(ends)
  })

  await t.test('a file whose names are those of others is kept under a further one', async (t) => {
    const { stop } = await start({
      drops: [
        { ...DROP, ...CSV, name: 'rows', files: '^x' },
        { ...DROP, name: 'files', files: '^same' },
      ],
    })
    const inner = filesIn(folder, 'quarantine').length
    deliver('x.reason.txt', 'nonsense')
    await until('the first is set aside', async () => filesIn(folder, 'quarantine').length === inner + 2)
    deliver('x', 'wrong')
    await until('the second is set aside', async () => filesIn(folder, 'quarantine').length === inner + 4)
    t.equal(readFileSync(at('quarantine', 'x.reason.txt'), 'utf8'), 'nonsense')
    deliver('same.txt', '1')
    await until('the first is done', async () => filesIn(folder, 'done').includes('same.txt'))
    const digest = createHash('sha256')
      .update('same.txt\0' + '2')
      .digest('base64url')
    writeFileSync(at('done', `same.txt.${digest}`), 'of somebody else')
    deliver('same.txt', '2')
    await until('the second is done', async () => filesIn(folder, 'done').includes(`same.txt.${digest}.2`))
    t.equal(readFileSync(at('done', `same.txt.${digest}`), 'utf8'), 'of somebody else')
    await stop()
    await arrived(ends)
  })

  await t.test(
    'a file that changes when it is taken, and whose name is there again, is set aside',
    async (t) => {
      const settings = await settingsOf(t, {
        ...{ url: ends.urls.tax, client: TAX, source, complete: { by: 'rename' } },
        drops: [{ ...DROP, name: 'files', files: '^late' }],
      })
      let isFirst = true
      const { stop } = await startMessages(t, settings, ({ places, server }) => ({
        server,
        places: {
          ...places,
          async move(name, from, to, as) {
            const isMoved = await places.move(name, from, to, as)
            if (isFirst && to === 'taken') {
              isFirst = false
              writeFileSync(at('taken', name), 'half of it')
              deliver(name, 'whole')
            }
            return isMoved
          },
        },
      }))
      deliver('late.txt', 'half')
      await until('the second is done', async () => filesIn(folder, 'done').includes('late.txt'))
      t.match(
        (await arrived(ends)).map(({ event }) => event),
        [{ subject: 'late.txt' }],
        'only the whole one was sent',
      )
      t.equal(readFileSync(at('done', 'late.txt'), 'utf8'), 'whole')
      t.equal(readFileSync(at('quarantine', 'late.txt'), 'utf8'), 'half of it')
      t.match(readFileSync(at('quarantine', 'late.txt.reason.txt'), 'utf8'), /changed when it was taken/)
      await stop()
    },
  )

  await t.test('what may still grow is left alone: by marker, and by time', async (t) => {
    const drops = [{ ...DROP, name: 'files', files: '^part.*(?<!done)$' }]
    const byMarker = await start({ drops, complete: { by: 'marker' } })
    const settleMs = 700
    const settling = { drops: [{ ...drops[0], files: '^slow' }], complete: { by: 'settled', settleMs } }
    const byTime = await start(settling)
    writeFileSync(at('part.txt'), 'half')
    writeFileSync(at('part2.txt'), 'whole')
    writeFileSync(at('part2.txt.done'), '')
    await until('the marked one is done', async () => filesIn(folder, 'done').includes('part2.txt'))
    t.ok(filesIn(folder).includes('part.txt'), 'the other has no marker')
    t.notOk(filesIn(folder).includes('part2.txt.done'), 'its marker is gone')
    writeFileSync(at('part.txt'), 'half and half')
    writeFileSync(at('part.txt.done'), '')
    utimesSync(at('part.txt.done'), new Date(0), new Date(0))
    writeFileSync(at('part3.txt'), 'x')
    writeFileSync(at('part3.txt.done'), '')
    await until('the next is done', async () => filesIn(folder, 'done').includes('part3.txt'))
    t.ok(filesIn(folder).includes('part.txt'), 'its marker is that of a file before')
    let nth = 0
    // Again under another name where a busy machine let it rest as long as a file rests that is complete.
    const grown = await until('a file that grew without a rest', async (saw) => {
      const name = `slow${nth++}.txt`
      let [text, last, longestMs] = ['', performance.now(), 0]
      await until('what grows was looked at', async () => {
        text += 'x'
        writeFileSync(at(name), text)
        longestMs = Math.max(longestMs, performance.now() - last)
        last = performance.now()
        return text.length >= 20
      })
      return saw(longestMs) < settleMs / 2 && { name, text }
    })
    await until('it is done when it grows no more', async () => filesIn(folder, 'done').includes(grown.name))
    const slow = (await arrived(ends)).find(({ event }) => event.subject === grown.name)
    t.match(slow!.event, { data: grown.text })
    await byMarker.stop()
    await byTime.stop()
  })

  await t.test('a refusal of the server sets a file aside; no right holds it where it is', async (t) => {
    const drop = { ...DROP, name: 'files', files: 'txt$', contentType: 'text/plain' }
    const inner = filesIn(folder, 'quarantine').length
    ends.made.settings.eventBytes = 1024
    const first = await start({ drops: [{ ...drop, files: '^refused' }] })
    deliver('refused.txt', 'x'.repeat(2000))
    await until('it is set aside', async () => filesIn(folder, 'quarantine').length === inner + 2)
    t.match(
      readFileSync(at('quarantine/refused.txt.reason.txt'), 'utf8'),
      /does not accept it: .*1024 octets/,
    )
    ends.made.settings.eventBytes = 100_000
    await first.stop()
    const nobody = { ...drop, files: '^waits', inbox: 'DEV/GOV/1/nobody/assessments' }
    const second = await start({ drops: [nobody] })
    deliver('waits.txt', 'x')
    await until('operators hear of it', async (saw) => {
      const { ok, reason } = await second.running.health['files-accepted']!()
      return saw(!ok && /nobody/.test(String(reason)))
    })
    t.strictSame(filesIn(folder, 'taken'), ['waits.txt'])
    await second.stop()
    const third = await start({ drops: [{ ...nobody, inbox: INBOX }] })
    await until('it is done', async () => filesIn(folder, 'done').includes('waits.txt'))
    t.match(await arrived(ends), [{ event: { subject: 'waits.txt', data: 'x' } }])
    await third.stop()
  })

  await t.test('what comes to an inbox is written as files', async (t) => {
    const out = at('out')
    mkdirSync(out)
    const way = { name: 'in', inbox: INBOX, directory: out, file: 'in-{delivery}.json' }
    const settings = { url: ends.urls.population, client: 'DEV/GOV/2000/population', source, deliver: [way] }
    const sent = await ends.tax.send(INBOX, { id: '../../x', source: '/tax', type: 'x', data: { a: 1 } })
    await ends.tax.send(INBOX, { id: 'none', source: '/tax', type: 'x' })
    await settle(ends.made)
    const { stop } = await startMessages(t, await settingsOf(t, settings))
    await until('both are there', async (saw) => saw(filesIn(out)).length === 2)
    const name = filesIn(out).find((one) => new RegExp(`^in-${sent.id}\\.[0-9]+\\.json$`).test(one))
    t.equal(readFileSync(path.join(out, name!), 'utf8'), '{"a":1}')
    await consumed(ends, sent.id)
    await stop()
  })

  if (server !== undefined)
    await t.test('a server that is away for a while loses nothing', async (t) => {
      const { stop } = await start({ drops: [{ ...DROP, name: 'files', files: '^away' }] })
      await server.crash()
      deliver('away.txt', 'x')
      await server.start()
      await until('it is done', async () => filesIn(folder, 'done').includes('away.txt'))
      t.equal((await arrived(ends)).length, 1)
      await stop()
    })
  t.comment(kind)
})
