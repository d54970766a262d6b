/**
 * The key for notices is made once: a crash leaves none that rows need and nobody has, and of two nodes one
 * makes it.
 */
import { readdirSync } from 'node:fs'
import t from 'tap'
import { openNoticeKey } from './notice-key.ts'

function rowsOf(first?: string) {
  let id = first
  return {
    noted: async () => id,
    note: async (made: string) => {
      id ??= made
      return id
    },
  }
}

void t.test('a crash right after the key is noted leaves its file', async (t) => {
  const folder = t.testdir()
  const rows = rowsOf()
  const note = async (id: string): Promise<string> => {
    await rows.note(id)
    throw new Error('killed')
  }
  await t.rejects(openNoticeKey(folder, { ...rows, note }), { message: 'killed' })
  t.ok(await openNoticeKey(folder, rows), 'the next start has the key')
})

void t.test('a crash right before it is noted leaves a file that the next start notes', async (t) => {
  const folder = t.testdir()
  const rows = rowsOf()
  const note = async (): Promise<string> => {
    throw new Error('killed')
  }
  await t.rejects(openNoticeKey(folder, { ...rows, note }), { message: 'killed' })
  t.equal(await rows.noted(), undefined)
  const key = await openNoticeKey(folder, rows)
  const same = await openNoticeKey(folder, rows)
  t.equal(same?.digest('person', 'x'), key?.digest('person', 'x') ?? '')
})

void t.test('of two nodes one makes the key, and the other keeps none', async (t) => {
  const [one, other] = [t.testdir({ one: {}, other: {} })].flatMap((in_) => [`${in_}/one`, `${in_}/other`])
  const rows = rowsOf()
  t.ok(await openNoticeKey(one!, rows))
  const late = { ...rows, noted: async () => undefined }
  t.equal(await openNoticeKey(other!, late), undefined)
  t.strictSame(readdirSync(other!), [], 'for the one that is copied there')
})
