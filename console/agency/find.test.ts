/** What the search over everything finds at a security server, by what its API answers. */
import t, { type Test } from 'tap'
import type { Found, FoundGroup } from '../kit/find.ts'
import { openPage } from '../page-fixture.ts'

type Parts = typeof import('./find.ts')
type Query = Record<string, string>

const { parts } = await openPage<Parts>(t, ['/agency/find.ts'])
const { search } = parts
const { signal } = new AbortController()
const MEMBER = { id: 'DEV:GOV:1002', name: 'Tax Agency', subsystems: [], servers: [] as string[] }

/** What the finder of an operation finds for what is typed, and what it asked. */
async function find(
  operation: string,
  typed: string,
  answer: (query: Query) => { data: unknown; total?: number },
): Promise<{ groups: FoundGroup[]; asked: Query[] }> {
  const asked: Query[] = []
  const mine = search.finders.filter((one) => one.operation === operation)
  const call = async (_: string, { query = {} }: { query?: Query }) => {
    asked.push(query)
    return { headers: new Headers(), ...answer(query) }
  }
  const found = await Promise.all(mine.map((one) => one.find(typed, call as never, signal)))
  return { groups: found.flat().filter((one) => one.found.length > 0), asked }
}

const titles = (found: Found[]): string[] => found.map(({ title }) => title)

/** That no question is without a bound. */
function bounded(t: Test, asked: Query[]): void {
  t.ok(asked.length > 0, 'it asks')
  for (const { limit } of asked) t.ok(Number(limit) > 0 && Number(limit) <= 6, `at most ${limit}`)
}

t.test('security servers, by identifier or owner', async (t) => {
  const servers = ['DEV:GOV:1002:ss1', 'DEV:GOV:1002:ss2']
  const { groups, asked } = await find('findMembers', 'ss1', () => ({
    data: [{ ...MEMBER, servers }],
    total: 1,
  }))
  bounded(t, asked)
  t.equal(asked[0]?.['servers'], 'true')
  t.strictSame(groups, [
    {
      title: 'Security servers of the instance: contracts with their owners',
      found: [{ title: 'DEV:GOV:1002:ss1', beside: 'Tax Agency', to: '/contracts?q=DEV%3AGOV%3A1002' }],
    },
  ])
  const both = await find('findMembers', 'tax', () => ({ data: [{ ...MEMBER, servers }], total: 1 }))
  t.strictSame(titles(both.groups[1]!.found), ['DEV:GOV:1002:ss1, DEV:GOV:1002:ss2'])
})

t.test('proposals, by what they would do', async (t) => {
  const one = {
    ...{ id: 'd74b45c5', operation: 'changePersonRoles', target: '/api/v1/people/1', summary: 'auditor' },
    ...{ proposedBy: { kind: 'person', id: '1', name: 'Ada' }, state: 'proposed' },
  }
  const { groups, asked } = await find('getProposals', 'ada', () => ({ data: [one], total: 9 }))
  bounded(t, asked)
  t.strictSame(asked, [{ q: 'ada', limit: '5' }])
  const [found, all] = groups[0]!.found
  t.match(found, { title: /\w+ \w+/, beside: /^auditor, Ada, \w/, to: '/proposals/d74b45c5' })
  t.notMatch(found?.title, 'changePersonRoles', 'in words')
  t.strictSame(all, { title: 'All 9 in the list', to: '/proposals?q=ada' })
})

t.test('deliveries of both boxes, by their id', async (t) => {
  const answer = ({ box }: Query) => ({
    data: {
      items: box === 'outbox' ? [{ position: 7, delivery: 'd-1', type: null, state: 'dead' }] : [],
      ...{ counts: {}, inboxes: [] },
    },
  })
  const { groups, asked } = await find('getDeliveries', 'd-1', answer)
  bounded(t, asked)
  t.strictSame(
    asked.map(({ box, delivery }) => [box, delivery]),
    [
      ['outbox', 'd-1'],
      ['inbox', 'd-1'],
    ],
  )
  t.strictSame(groups, [
    {
      title: 'Deliveries',
      found: [{ title: 'd-1', beside: 'Sent by our systems, dead letter', to: '/deliveries/outbox/7' }],
    },
  ])
  t.strictSame(await find('getDeliveries', 'two words', answer), { groups: [], asked: [] })
})

t.test('event types and subscriptions', async (t) => {
  const types = Array.from({ length: 6 }, (_, id) => ({
    id,
    name: `moved-${id}`,
    roomId: 'DEV:GOV:1:a:room',
  }))
  const found = await find('getEventTypes', 'moved', () => ({ data: { items: types } }))
  bounded(t, found.asked)
  t.equal(found.groups[0]?.title, 'Event types: the first 5')
  t.strictSame(found.groups[0]?.found[0], {
    title: 'moved-0',
    beside: 'DEV:GOV:1:a:room',
    to: '/rooms/types/0',
  })
  t.equal(found.groups[0]?.found.length, 5)
  const of = (subscriberId: string | null, eventType: string | null): object => ({ subscriberId, eventType })
  const items = [of('DEV:GOV:2:b', 'moved'), of('DEV:GOV:2:b', 'born'), of(null, null)]
  const { groups, asked } = await find('getSubscriptions', 'gov:2', () => ({ data: { items, counts: {} } }))
  bounded(t, asked)
  t.strictSame(groups, [
    {
      title: 'Subscriptions',
      found: [
        { title: 'DEV:GOV:2:b', beside: 'moved, born', to: '/rooms/subscriptions?search=DEV%3AGOV%3A2%3Ab' },
      ],
    },
  ])
  for (const operation of ['getEventTypes', 'getSubscriptions'])
    t.strictSame(
      await find(operation, 'x'.repeat(129), () => ({ data: { items: [] } })),
      { groups: [], asked: [] },
      'what the API would refuse fails no search for all the rest',
    )
})

t.test('requests to the registry are looked for only when somebody chooses it', (t) => {
  const offers = search.lookUps.flatMap(({ looks }) => looks)
  const offer = offers.find(({ operation }) => operation === 'getManagementRequests')?.offer('17')
  t.strictSame(offer, {
    ...{ title: "Look in this server's requests to the registry for “17”", to: '/requests?q=17' },
  })
  t.notOk(search.finders.some(({ operation }) => operation === 'getManagementRequests'))
  t.end()
})
