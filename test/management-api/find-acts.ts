/** The audit log by person and kind; and that each act of both management APIs has words in the consoles. */
import { readFile } from 'node:fs/promises'
import type { Test } from 'tap'
import { registryApi } from '#central-registry/admin/api.ts'
import { readOperations } from '#platform/http-service/openapi-operations.ts'
import { ACTS } from '#security-server/features/people/act-kinds.ts'
import { securityServerApi } from '#security-server/shape.ts'
import type { AdminWorld, Reply } from './admin-fixture.ts'

type Entry = { operation: string; caller: { id: string; name: string } }

const actsOf = (document: Parameters<typeof readOperations>[0]): string[] =>
  readOperations(document).flatMap(({ id, method }) => (method === 'GET' ? [] : [id]))
const entriesOf = ({ raw }: Reply): Entry[] => JSON.parse(raw.toString()) as Entry[]

export async function findActs(t: Test, { ask }: Pick<AdminWorld, 'ask'>): Promise<void> {
  const texts = await readFile(new URL('../../console/texts/en.json', import.meta.url), 'utf8')
  const words = JSON.parse(texts) as Record<string, string>
  const kinds: string[] = Object.values(ACTS).flat()
  const own = actsOf(await securityServerApi())
  t.same(
    own.filter((id) => kinds.filter((one) => one === id).length !== 1),
    [],
    'each is of one kind',
  )
  for (const id of [...kinds, ...own, ...actsOf(await registryApi())])
    t.ok(words[`did.${id}`], `console/texts/en.json has did.${id}`)

  await ask('POST', '/clients', { id: 'DEV:GOV:1000:acts' })
  const [newest, ...more] = entriesOf(await ask('GET', '/audit-log?about=acts&kind=clients&limit=500'))
  t.match(newest, { operation: 'addClient' })
  t.ok(more.every(({ operation }) => (ACTS.clients as readonly string[]).includes(operation)))
  t.same(entriesOf(await ask('GET', '/audit-log?about=looks&kind=clients')), [])
  const callers = JSON.parse((await ask('GET', '/audit-log/callers')).raw.toString()) as Entry['caller'][]
  const { id } = callers.find(({ name }) => name === 'test')!
  const ofOne = entriesOf(await ask('GET', `/audit-log?callerId=${id}&limit=3`))
  t.ok(ofOne.length > 0 && ofOne.every(({ caller }) => caller.id === id))
  t.same(entriesOf(await ask('GET', '/audit-log?callerId=nobody')), [])
  for (const wrong of ['kind=none', 'callerId=', `callerId=${'x'.repeat(300)}`])
    t.equal((await ask('GET', `/audit-log?${wrong}`)).status, 400, wrong)
}
