/** What is known of a proposal at the server that sends it. */
import t from 'tap'
import { contentHash } from '#core/contract/read-content.ts'
import type { ContractContent } from '#schemas/contract.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { auditOf, createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { contractHandlers } from './contract-handlers.ts'

void t.test(
  'the audit log has the id and the hash of a contract that is proposed, and nothing of it',
  async (t) => {
    const { ask, localSystems } = await createAdminWorld(t)
    const { contract: _, version: __, ...content } = contentAt(Date.now(), { provider: 'DEV/GOV/1000/plain' })
    const contacts = [{ member: 'DEV/GOV/1000', name: 'Mari Maasikas', email: 'mari@example.org' }]
    const terms = { ...content, title: 'HORSES', secret: { visibleTo: ['DEV/GOV/1000'] }, contacts }
    const role = { role: 'XROAD_SERVICE_ADMINISTRATOR' }
    const sent = await ask('POST', '/contracts', { terms }, role)
    const wrong = await ask('POST', '/contracts', { terms: { ...terms, consumers: {} } }, role)
    t.ok(sent.status >= 400 && wrong.status >= 400, 'no registry is there')
    const proposed: ContractContent[] = []
    const recorded: object[] = []
    const handlers = contractHandlers({
      ...{ server: parseServerId('DEV/GOV/1000/ss1'), localSystems, clock: Date.now },
      audit: { before: async (one: object) => recorded.push(one) },
      keys: {
        signingIdentity: () => ({}),
        signJson: async ({ document }: { document: { content: ContractContent } }) =>
          proposed.push(document.content),
      },
      contracts: { send: async () => Buffer.from('{}'), refresh: async () => undefined },
    } as never)
    await handlers['proposeContract']!({
      params: {},
      body: { terms },
      caller: { id: 'p', name: 'Anna' },
    } as never)
    const rows = await auditOf(ask)
    t.strictSame(recorded, [
      {
        ...{ caller: { id: 'p', name: 'Anna' }, operation: 'proposedContract' },
        target: `contract ${proposed[0]!.contract}`,
        data: { version: 1, hash: contentHash(proposed[0]!), signer: 'DEV/GOV/1000' },
      },
    ])
    t.equal(rows.filter(({ operation }) => operation === 'proposeContract').length, 2)
    t.notMatch(JSON.stringify(rows), /HORSES|Maasikas|mari@example|visibleTo/)
  },
)
