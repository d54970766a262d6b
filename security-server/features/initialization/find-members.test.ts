/** Members of the instance by what is typed: of themselves, and of their subsystems. */
import t from 'tap'
import type { MemberInfo } from '#schemas/global-configuration.ts'
import { parseMemberId, parseServerId, parseSubsystemId } from '#schemas/identifiers.ts'
import { initializationHandlers } from './handlers.ts'

const member = (code: string, name: string, subsystems: [code: string, name?: string][]): MemberInfo => ({
  id: parseMemberId(`DEV/GOV/${code}`),
  ...{ memberClassDescription: '', name },
  subsystems: subsystems.map(([one, name]) => ({ id: parseSubsystemId(`DEV/GOV/${code}/${one}`), name })),
})
const MEMBERS = [
  member('1000', 'Ministry of Finance', [['tax', 'Tax assessment'], ['customs']]),
  member('2000', 'Ministry of the Interior', [['population%20register', '100% of people']]),
  member('3000', 'Agency without any', []),
]

t.test('by id and name of the member, by code and name of a subsystem, literally', async (t) => {
  const securityServers = ['1000/SS-TAX', '1000/SS-2', '2000/ss1'].map((one) => ({
    id: parseServerId(`DEV/GOV/${one}`),
  }))
  const index = { shared: { members: MEMBERS, securityServers } }
  const { findMembers } = initializationHandlers({
    globalConfiguration: { current: () => ({ index }) },
  } as never)
  const found = async (q: string, more: object = {}): Promise<[total: unknown, ...ids: string[]]> => {
    const query = { q, offset: 0, limit: 100, ...more }
    const { headers, body } = (await findMembers!({ query } as never)) as {
      headers: Record<string, string>
      body: { id: string }[]
    }
    return [headers['x-total-count'], ...body.map(({ id }) => id)]
  }
  t.same(await found('ministry'), ['2', 'DEV:GOV:1000', 'DEV:GOV:2000'])
  t.same(await found('gov:3000'), ['1', 'DEV:GOV:3000'])
  t.same(await found('CUSTOMS'), ['1', 'DEV:GOV:1000'], 'the code of a subsystem')
  t.same(await found('assess'), ['1', 'DEV:GOV:1000'], 'its name')
  t.same(await found('dev:GOV:1000:tax'), ['1', 'DEV:GOV:1000'], 'its whole id')
  t.same(await found('1000:cust'), ['1', 'DEV:GOV:1000'], 'a part of it')
  t.same(await found('2000:population register'), ['1', 'DEV:GOV:2000'])
  t.same(await found('1000:population'), ['0'])
  t.same(await found('population register'), ['1', 'DEV:GOV:2000'], 'as it is read')
  t.same(await found('%'), ['1', 'DEV:GOV:2000'])
  t.same(await found('', { offset: 1, limit: 1 }), ['3', 'DEV:GOV:2000'])
  t.same(await found('ss-tax'), ['0'], 'servers only when asked for')
  t.same(await found('ss-tax', { servers: true }), ['1', 'DEV:GOV:1000'])
  const { body } = (await findMembers!({
    query: { q: '', servers: true, offset: 0, limit: 3 },
  } as never)) as { body: { servers: string[] }[] }
  t.same(
    body.map(({ servers }) => servers),
    [['DEV:GOV:1000:SS-TAX', 'DEV:GOV:1000:SS-2'], ['DEV:GOV:2000:ss1'], []],
  )
  MEMBERS.push(...['1', '11', '12', '13', '14', '15'].map((code) => member(code, '', [['same']])))
  t.same(await found('DEV:GOV:15:same', { limit: 5 }), ['1', 'DEV:GOV:15'], 'of many with one beginning')
  for (const typed of ['_', 'undefined', '.*', "' or 1=1", 'x'.repeat(255), '\u202e', '__proto__'])
    t.same(await found(typed), ['0'], JSON.stringify(typed))
})
