/** What drift compares with: each part as the newest revision has it that speaks of it, and no text but the one on record. */
import { createHash } from 'node:crypto'
import t from 'tap'
import type { ManagementApi } from '../../client.ts'
import { exitCodeOf } from '../../program-fixture.ts'
import { appliedParts, readRevision, underneath } from './revisions.ts'

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Answers as a server that keeps these texts, the newest first. */
function keeping(texts: string[]): ManagementApi {
  const rows = texts.map((text, index) => ({ number: texts.length - index, sha256: sha256Of(text) }))
  return {
    send: async ({ url }) => {
      const [, number] = /revisions\/(\d+)\/content/.exec(url) ?? []
      const text = number === undefined ? JSON.stringify(rows) : texts[texts.length - Number(number)]!
      return { status: 200, type: 'application/json', total: rows.length, bytes: Buffer.from(text) }
    },
  }
}

void t.test('a part is compared with the newest revision that has it', async (t) => {
  const [a, b] = [
    { id: 'a', tlsCertificates: [] },
    { id: 'b', consents: {} },
  ]
  t.same(underneath({}, { clients: [a] }), { clients: [a] })
  t.same(underneath({ clients: [] }, { clients: [a], eventTypes: [] }), { clients: [a], eventTypes: [] })
  t.same(underneath({ clients: [{ id: 'a', connectionType: 'NOSSL' }, b] }, { clients: [a] }), {
    clients: [{ ...a, connectionType: 'NOSSL' }, b],
  })
  const [small, whole] = [{ clients: [{ id: 'a', connectionType: 'NOSSL' }] }, { clients: [a, b] }]
  const applied = (...all: object[]) => appliedParts(keeping(all.map((one) => JSON.stringify(one))))
  t.match(await applied(whole, small, {}), { from: 2, isWhole: true }, 'the oldest adds nothing')
  t.match(await applied({}, small, whole), {
    from: 1,
    declared: { clients: [{ id: 'a', consents: undefined }, { id: 'b' }] },
  })
  const many = Array.from({ length: 101 }, (_, n) => ({ clients: [{ id: `c${n}` }] }))
  t.match(await applied(...many), { isWhole: false })
})

void t.test('a text that is not the one on record is not compared with', async (t) => {
  const api = keeping(['{"clients":[]}'])
  const { content } = await readRevision(api, { number: 1, sha256: sha256Of('{"clients":[]}') })
  t.equal(content, '{"clients":[]}')
  t.equal(await exitCodeOf(readRevision(api, { number: 1, sha256: sha256Of('{}') })), 1)
})
