/**
 * Who sees digests of contents: whoever tries out contents that are few finds the right one by its plain
 * digest.
 */
import { createHash } from 'node:crypto'
import t from 'tap'
import { parseServerId } from '#schemas/identifiers.ts'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { signedRecord, spoolBody } from '../../message-log/fixture.ts'
import { reconciliationHandlers } from '../reconciliation/handlers.ts'

const [ORDINARY, CONTENT] = ['XROAD_AUDITOR', 'XROAD_CONTENT_AUDITOR'] as const
const READERS = [ORDINARY, 'XROAD_SECRECY_AUDITOR', CONTENT] as const

for (const contentFourEyes of [false, true])
  await t.test(contentFourEyes ? 'where a second auditor agrees' : 'by the role', async (t) => {
    const { ask, messageLog } = await createAdminWorld(t, { contentFourEyes })
    const bytes = Buffer.from('{"code":"38001085718"}')
    const record = await signedRecord({ body: await spoolBody(messageLog, bytes) })
    const { index } = await messageLog.append(record)
    await ask('POST', '/message-log/checkpoint')
    const digests = [record.message!, bytes].map((one) => createHash('sha512').update(one).digest('base64'))
    for (const role of READERS) {
      const seen = async (at: string) =>
        (await ask('GET', `/message-log/${at}/${index}`, undefined, { role })).body
      const [one, exchange] = [await seen('records'), await seen('exchanges')]
      const [inIt] = exchange['records'] as Record<string, unknown>[]
      const isShown = role === CONTENT && !contentFourEyes
      const text = JSON.stringify([one, exchange])
      for (const digest of digests) t.equal(text.includes(digest), isShown, role)
      for (const view of [one, inIt!]) {
        t.equal('signatures' in view, isShown, `${role}: it is made of digests`)
        t.match(view, { leaf: String, form: { kind: 'request' }, metadata: {}, timeStamp: null })
      }
      t.match(
        one,
        { proof: { checkpoint: String, openings: { parties: {} } } },
        'it stands in the log all the same',
      )
      t.match(inIt, { proof: { holds: true } })
      const verified = await ask('GET', `/message-log/exchanges/${index}/verification`, undefined, { role })
      t.equal(verified.status, 200, 'verified here')
      for (const digest of digests) t.notMatch(verified.raw.toString(), digest.replaceAll('+', '\\+'), role)
    }
  })

t.test('in what two servers showed each other about an exchange', async (t) => {
  const records = [
    { index: 1, form: '{}', treeHead: 'head', message: { digest: 'PLAIN' }, body: { digest: 'PLAIN' } },
  ]
  const shown = JSON.stringify({ requestId: 'r', records })
  const found = {
    id: 1,
    reconciliation: 1,
    finding: '{}',
    own_proof: shown,
    peer_proof: shown,
    peer_proof_holds: 1,
  }
  const seenBy = async (role: string, isRequired: boolean): Promise<string> =>
    JSON.stringify(
      await reconciliationHandlers({
        server: parseServerId('DEV/GOV/1000/ss1'),
        contentRequests: { isRequired },
        reconciliation: {
          cases: { getCase: async () => found },
          days: {
            get: async () => ({
              own_member: 'DEV/GOV/1000',
              peer_member: 'DEV/GOV/2000',
              peer_server: 'DEV/GOV/2000/ss2',
            }),
          },
        },
      } as never)['getReconciliationCase']!({ params: { id: '1' }, caller: { roles: [role] } } as never),
    )
  t.match(await seenBy(CONTENT, false), /PLAIN/)
  for (const [role, isRequired] of [
    [ORDINARY, false],
    [CONTENT, true],
  ] as const) {
    const seen = await seenBy(role, isRequired)
    t.notMatch(seen, /PLAIN/, role)
    t.match(seen, /"treeHead":"head"/)
  }
})
