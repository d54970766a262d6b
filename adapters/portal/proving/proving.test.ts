/**
 * One use is checked when a person asks for it: both proofs, by the configuration of the own server, against
 * what both systems tell now.
 */
import t from 'tap'
import { readSavedUse } from '#core/evidence-bundle/saved-use.ts'
import { CLIENT, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { POPULATION, TAX, tellBoth } from '#test/fakes/proven-systems.ts'
import { proveUseOfBoth } from '#test/fakes/proven-use.ts'
import { startUsageServer } from '#test/fakes/usage-systems.ts'
import { startPortal } from '../portal-fixture.ts'
import { meantUse } from './check-use.ts'

const PERSON = 'P00000042'
t.test('both say so is one thing, both proven another', async (t) => {
  const use = await proveUseOfBoth(t, Date.now() - 60_000)
  const server = await startUsageServer(t, [POPULATION, TAX], use.configuration)
  tellBoth(use)
  const issuer = await startOpenIdProvider(t)
  const settings = { asking: { perHour: 500 } }
  const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT, settings })
  const browser = openBrowser(t)
  await browser.login(portal.url, PERSON)
  const { text: list } = await browser.visit(`${portal.url}/`)
  t.match(list, /Both sides say the same[\s\S]*Nobody has checked their proofs yet/)
  const [, found = ''] = /href="(\/proof\/check\?[^"]+)"/.exec(list) ?? []
  const address = found.replaceAll('&#38;', '&')
  const check = async () => browser.visit(portal.url + address)

  const { text, status } = await check()
  t.equal(status, 200)
  t.match(text, /<strong>Both proven<\/strong>/)
  t.match(text, /Population Agency[\s\S]*DEV\/GOV\/5678\/ss2[\s\S]*Tax Agency[\s\S]*DEV\/GOV\/1234\/ss1/)
  t.match(text, /Both together[\s\S]*the same signature of the office that asked[\s\S]*What no proof shows/)
  for (const { said } of [use.provider, use.consumer])
    t.ok(text.includes(said.record.leaf.replaceAll('+', '&#43;')) || text.includes(said.record.leaf))
  t.ok(server.asked.every(({ userId }) => userId === `EE${PERSON}`))

  await t.test('the file has leaf and number beside each proof', async (t) => {
    const file = await browser.visit(portal.url + address.replace('/check', '/both'))
    t.match(file.headers, { 'content-type': 'application/zip', 'content-disposition': /use-\d+\.zip/ })
    const all = JSON.parse((await browser.visit(`${portal.url}/everything.json`)).text) as object
    t.match(all, { uses: [{ proven: 'both', provider: { leaf: use.provider.said.record.leaf } }] })
    const saved = await readSavedUse(file.bytes)
    t.match(saved.sides, [
      { said: use.provider.said, more: { messageId: 'DEV-1', client: 'DEV/GOV/1234/tax' } },
      { said: use.consumer.said, more: { messageId: 'DEV-1' } },
    ])
    t.ok(saved.sides.every(({ said, proof }) => proof?.equals(use[said.role].proof)))
  })

  await t.test('whatever a system tells otherwise, its proof does not prove', async (t) => {
    const other = await use.again()
    const { leaf } = use.consumer.said.record
    const { record } = use.provider.said
    const cases: [name: string, Parameters<typeof tellBoth>[1], RegExp][] = [
      ['no archive', { provider: { proof: Buffer.from('no') } }, /One side proven[\s\S]*gave no proof/],
      [
        'an archive of nothing',
        { provider: { proof: Buffer.from('PK\u0003\u0004') } },
        /One side proven[\s\S]*cannot be read/,
      ],
      [
        'the proof of another',
        { provider: { proof: other.provider.proof } },
        /do not hold[\s\S]*another record/,
      ],
      [
        'another leaf',
        { provider: { row: { record: { ...record, leaf } } } },
        /do not hold[\s\S]*another record/,
      ],
      [
        'another contract on both sides',
        {
          provider: { row: { contract: { id: 'k', version: 1 } } },
          consumer: { row: { contract: { id: 'k', version: 1 } } },
        },
        /do not hold[\s\S]*another time, agreement or end/,
      ],
      [
        'another message of the same parties',
        {
          provider: {},
          consumer: {
            row: { record: other.consumer.said.record, time: other.consumer.said.time },
            proof: other.consumer.proof,
          },
        },
        /do not hold[\s\S]*different signatures/,
      ],
      ['no leaf', { consumer: { row: { record: { index: 0, leaf: '' } } } }, /One side proven/],
    ]
    for (const [name, lie, expected] of cases) {
      tellBoth(use, lie)
      const { text } = await check()
      t.match(text, expected, name)
      t.notMatch(text, '<strong>Both proven</strong>', name)
    }
  })

  await t.test('what an address says is believed of nobody', async (t) => {
    tellBoth(use)
    const { time, record } = use.provider.said
    for (const query of [
      { at: time, system: POPULATION.id, record: String(record.index + 1) },
      { at: time, system: 'DEV/GOV/9/x', record: String(record.index) },
      { at: '2020-01-01T00:00:00Z', system: POPULATION.id, record: String(record.index) },
      { at: 'now', system: POPULATION.id, record: '0' },
      { at: time, system: POPULATION.id, record: '1e9' },
      {},
    ])
      t.equal(
        (await browser.visit(`${portal.url}/proof/check?${new URLSearchParams(Object.entries(query))}`))
          .status,
        404,
      )
    t.equal(meantUse(new URLSearchParams([...Array(3)].flatMap(() => [['system', 'a']]))), undefined)
  })

  await t.test('without a configuration nobody is known to have signed', async (t) => {
    const bare = await startUsageServer(t, [POPULATION, TAX])
    const away = await startPortal(t, { server: bare.url, issuer, client: CLIENT, settings })
    const other = openBrowser(t)
    await other.login(away.url, PERSON)
    t.match((await other.visit(away.url + address)).text, /<strong>Not proven<\/strong>/)
  })
  t.notMatch(portal.lines.join(''), new RegExp(`${PERSON}|DEV-1|Tax Agency`), 'no line says who it was')
})
