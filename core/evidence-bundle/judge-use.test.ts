/**
 * The proof of one use from both sides, of real logs: what it proves without opening anything, and each way
 * in which it may not.
 */
import t from 'tap'
import { readConfigurationFiles } from '#core/configuration/read-configuration-files.ts'
import { readZippedFiles } from '#core/configuration/zipped-files.ts'
import { forged } from '#security-server/reading/evidence/verdict-fixture.ts'
import { proveUseOfBoth } from '#test/fakes/proven-use.ts'
import { judgeUse, type SaidUse, tieOf } from './judge-use.ts'

const START = Date.UTC(2027, 0, 4, 12)

t.test('a proof proves its row, and both sides one signed message', async (t) => {
  const use = await proveUseOfBoth(t, START)
  const configuration = await readConfigurationFiles(
    await readZippedFiles(use.configuration, ['shared-params.xml']),
  )
  const now = new Date(use.now)
  const judged = (side: 'provider' | 'consumer', more: Partial<SaidUse> = {}, proof = use[side].proof) =>
    judgeUse({ proof, said: { ...use[side].said, ...more }, configuration, now })
  const [provider, consumer] = [await judged('provider'), await judged('consumer')]
  t.match(provider, { doubt: undefined, log: 'DEV/GOV/5678/ss2' })
  t.match(consumer, { doubt: undefined, log: 'DEV/GOV/1234/ss1' })
  t.equal(tieOf(provider, consumer), 'message')

  await t.test('what the row says otherwise', async (t) => {
    const { record } = use.provider.said
    const lies: [Partial<SaidUse>, string][] = [
      [{ record: { ...record, leaf: use.consumer.said.record.leaf } }, 'leaf'],
      [{ record: { ...record, index: record.index + 1 } }, 'leaf'],
      [{ record: { ...record, index: record.index + 7 } }, 'leaf'],
      [{ role: 'consumer' }, 'words'],
      [{ time: new Date(START).toISOString() }, 'words'],
      [{ contract: '' }, 'words'],
      [{ contract: use.provider.said.contract.replace('/2', '/3') }, 'words'],
      [{ outcome: 'refused' }, 'words'],
      [{ system: 'DEV/GOV/1234/tax' }, 'server'],
      [{ system: 'DEV/GOV/5678/other' }, 'server'],
    ]
    for (const [lie, doubt] of lies)
      t.equal((await judged('provider', lie)).doubt, doubt, JSON.stringify(lie))
    t.equal((await judged('provider', { outcome: 'open' })).doubt, undefined, 'it was answered since')
  })

  await t.test('what the log of the other holds is no proof of this one', async (t) => {
    t.equal((await judged('provider', {}, use.consumer.proof)).doubt, 'leaf')
    t.equal(
      (await judged('provider', { record: use.consumer.said.record }, use.consumer.proof)).doubt,
      'words',
    )
  })

  await t.test('a proof that was altered, or is none', async (t) => {
    const altered = (change: Parameters<typeof forged>[1]): Promise<Buffer> =>
      forged(use.provider.proof, change)
    const form = await altered(({ records }) => {
      records[0]!.form = records[0]!.form.replace('"contract":"', '"contract":"x')
    })
    t.equal((await judged('provider', {}, form)).doubt, 'place')
    const head = await altered(({ records }, files) => {
      const note = files.get(records[0]!.checkpoint)!.toString()
      files.set(records[0]!.checkpoint, Buffer.from(note.replace(/\n— DEV\/GOV\/5678 .*\n/, '\n')))
    })
    t.equal((await judged('provider', {}, head)).doubt, 'unsigned')
    const many = await altered((manifest) => {
      manifest.records = Array.from({ length: 40 }, () => manifest.records[0]!)
    })
    const shown = await altered(({ records, configuration }) => {
      records[0]!.metadata = configuration[0]!
    })
    for (const proof of [many, shown, Buffer.alloc(0), Buffer.from('PK\u0003\u0004 a proof')])
      t.match(await judged('provider', {}, proof), { doubt: 'unreadable', log: '' })
  })

  await t.test('a stranger signed the state of the log, or nobody knows its instance', async (t) => {
    const stranger = await proveUseOfBoth(t, START)
    const said = { ...use.provider.said, record: stranger.provider.said.record }
    t.equal((await judgeUse({ proof: stranger.provider.proof, said, configuration, now })).doubt, 'unsigned')
    const nobody = { proof: use.provider.proof, said: use.provider.said, configuration: new Map(), now }
    t.equal((await judgeUse(nobody)).doubt, 'unsigned')
  })

  await t.test('two sides that are proven each need not prove one message', async (t) => {
    const other = await use.again()
    const later = { configuration, now: new Date(use.now + 60_000) }
    const [given, asked] = [
      await judgeUse({ ...other.provider, ...later }),
      await judgeUse({ ...other.consumer, ...later }),
    ]
    t.equal(given.doubt, undefined)
    t.equal(tieOf(given, asked), 'message')
    t.equal(tieOf(given, consumer), 'apart', 'two messages of one office')
    const { request } = given.signatures
    const half = { ...asked, signatures: { request, answer: '' } }
    t.equal(tieOf(given, half), 'message', 'the answer got lost on its way')
    t.equal(tieOf(given, { ...asked, signatures: { request, answer: 'x' } }), 'apart', 'two answers')
    t.equal(tieOf(given, { ...asked, signatures: { request: '', answer: '' } }), 'unsigned')
    t.equal(tieOf(given, { ...given }), 'one log')
  })
})
