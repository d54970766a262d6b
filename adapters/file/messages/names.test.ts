/** Names of the files that events of an inbox become, in a folder and by SFTP. */
import { mkdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { INBOX } from '#adapters/kit/messages/ends-fixture.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { eachKind } from '../files-fixture.ts'
import { filesIn } from './messages-fixture.ts'
import { openPlaces } from './places.ts'
import { writeFileOf } from './write-file.ts'

await eachKind(t, async (t, _kind, { folder, source }) => {
  const at = (name: string): string => path.join(folder, name)

  await t.test(
    'of several events under one X-Road-Id each is a file, and none is written over',
    async (t) => {
      const out = at('several')
      mkdirSync(out)
      const log = createLog({ name: 'test', level: 'silent' })
      const places = await openPlaces(source, 100, log)
      t.teardown(() => places.close())
      const way = {
        name: 'in',
        inbox: INBOX,
        directory: out,
        file: 'in-{delivery}.txt',
        content: 'data',
      } as const
      const write = (id: string, delivery: string, data: string): Promise<void> => {
        const event = {
          specversion: '1.0',
          id: data,
          source: '/a',
          type: 't',
          datacontenttype: 'text/plain',
          data,
        }
        return writeFileOf({ id, delivery, bytes: Buffer.from(JSON.stringify(event)) }, way, places)
      }
      const found = (): string[] => filesIn(out).map((name) => readFileSync(path.join(out, name), 'utf8'))
      await write('1', 'MSG-1', 'from A')
      await write('2', 'MSG-1', 'from B')
      await write('2', 'MSG-1', 'from B')
      t.strictSame(filesIn(out), ['in-MSG-1.1.txt', 'in-MSG-1.2.txt'])
      t.strictSame(found(), ['from A', 'from B'])
      await write('2', 'MSG-1', 'from C')
      await write('2', 'MSG-1', 'from C')
      await write('2', 'MSG-1', 'from C, longer')
      t.strictSame(
        found().sort(),
        ['from A', 'from B', 'from C', 'from C, longer'],
        'places that were counted anew',
      )
      await write('3', `${'x'.repeat(230)}1`, 'long')
      await write('4', `${'x'.repeat(230)}1`, 'as long')
      t.equal(filesIn(out).length, 6)
      symlinkSync('/etc/hostname', path.join(out, 'in-MSG-2.1.txt'))
      await write('1', 'MSG-2', 'beside a link')
      t.ok(found().includes('beside a link'))
      t.equal(readlinkSync(path.join(out, 'in-MSG-2.1.txt')), '/etc/hostname')
    },
  )
})
