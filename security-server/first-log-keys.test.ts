/**
 * Nodes that start for the first time at once: the keys of the log, and the configuration after an anchor.
 */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { fetchAfterAnchor } from './features/nodes/fetch-after-anchor.ts'
import { withLogKeys } from './first-log-keys.ts'
import { logFolder, logOptions, openTestLog, signedRecord } from './message-log/fixture.ts'

const quiet = { info: () => undefined }
const quickly = { pauseMs: 1, longestMs: 20 }

await eachDatabase(t, async (database, t, url) => {
  if (database.dialect === 'sqlite') return
  await t.test(
    'a node that finds a log without its keys waits for those of the node that began it',
    async (t) => {
      const [first, second] = [logOptions(logFolder(t), url), logOptions(logFolder(t), url)]
      const one = await openTestLog(t, first)
      await one.append(await signedRecord())
      const open = () => openTestLog(t, { ...second, node: 'node2' })
      await t.rejects(
        withLogKeys(open, { folder: second.keyFolder, pull: undefined, log: quiet, ...quickly }),
        { code: 'log_keys_missing' },
      )
      const never = { folder: second.keyFolder, pull: async () => undefined, log: quiet, ...quickly }
      await t.rejects(withLogKeys(open, never), { code: 'log_keys_missing' }, 'and not for ever')
      const coming = readdirSync(first.keyFolder).filter((name) => /\.(key|pem)$/.test(name))
      t.equal(coming.length, 2)
      const pull = async (): Promise<void> => {
        const name = coming.shift()
        if (name !== undefined) cpSync(path.join(first.keyFolder, name), path.join(second.keyFolder, name))
      }
      const two = await withLogKeys(open, { folder: second.keyFolder, pull, log: quiet, pauseMs: 1 })
      t.same(coming, [], 'both files, which come one after the other')
      await two.append(await signedRecord())
      await two.close()
      await one.close()
    },
  )
})

t.test('another fault is thrown at once', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-keys-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  let opened = 0
  const pull = async (): Promise<void> => undefined
  // The second one while there are no keys here, as the first thing that another node looks at may be wrong
  // as well.
  for (const fault of [
    new Error('broken'),
    new Fault('invalid_configuration', { what: 'another setting' }),
  ]) {
    const open = async (): Promise<void> => {
      opened++
      throw fault
    }
    await t.rejects(withLogKeys(open, { folder, pull, log: quiet, ...quickly }), { message: fault.message })
  }
  t.equal(opened, 2)
})

t.test(
  'after an anchor of another node the configuration is fetched until it is here, within bounds',
  async (t) => {
    let tries = 0
    await fetchAfterAnchor(
      {
        refreshOwn: async () => {
          if (++tries < 3) throw new Error('the registry is silent')
        },
      },
      { pausesMs: [0, 1, 1, 1] },
    )
    t.equal(tries, 3, 'tried again, and not when it is here')
    await fetchAfterAnchor({ refreshOwn: () => new Promise(() => undefined) }, { longestMs: 1 })
    t.pass('a call waits no longer')
  },
)
