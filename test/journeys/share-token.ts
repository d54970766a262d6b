/**
 * Two workers with one hardware token, a real SoftHSM behind p11-kit: each has a session of its own. A PIN
 * that one got opens it for both, a key that one made there signs at both, a worker that is started again
 * opens it by itself, and a lock holds at both.
 */
import type { Test } from 'tap'
import type { Instance } from '../processes.ts'
import { PIN } from '../softhsm.ts'
import { until } from '../until.ts'
import { ask, colons } from '../world.ts'

type Token = { id: string; loggedIn: boolean }
type Certificate = { sha256: string; usage: string; active: boolean }

/** How many connections are made where each worker has to get one. */
const SEVERAL = 16

/** `killOne` ends a worker as a crash would, and resolves when there are two again. */
export async function shareToken(
  t: Test,
  q: { instance: Instance; target: string; killOne(): Promise<void> },
): Promise<void> {
  const { instance, target } = q
  const { tax } = instance.servers
  const admin = instance.admin.tax
  /** Of as many answers, each over a connection of its own. */
  const several = <T>(act: () => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: SEVERAL }, act))
  const isOpen = async (): Promise<boolean> => (await admin.get<Token>('/tokens/1')).loggedIn
  const untilAll = (open: boolean): Promise<unknown> =>
    until(`a token that is ${open ? 'open' : 'locked'} at both`, async (saw) =>
      saw(await several(isOpen)).every((one) => one === open),
    )
  const exchange = async (): Promise<number> =>
    (await instance.ask('tax', target, { headers: { 'X-Road-Client': tax.client } })).status

  t.equal((await admin.call('PUT', '/tokens/1/login', { pin: PIN })).status, 204)
  await untilAll(true)
  const { key, csr } = await admin.send<{ key: { id: string }; csr: { id: string } }>(
    'POST',
    '/tokens/1/keys-with-csrs',
    {
      key: { usage: 'SIGNING', label: 'on the token' },
      csr: { memberId: colons(tax.member) },
    },
  )
  const request = await until('the request at any worker', async () => {
    const replies = await several(() => admin.call('GET', `/keys/${key.id}/csrs/${csr.id}`))
    return replies.every(({ status }) => status === 200) && replies[0]!.body
  })
  const issued = await ask(instance.trust.caUrl, '/certificates?profile=signing', {
    ...{ method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: request },
  })
  const { sha256 } = await admin.send<{ sha256: string }>('POST', '/token-certificates', issued.body)
  const signing = async (): Promise<Certificate[]> =>
    (await admin.get<Certificate[]>('/token-certificates')).filter(
      ({ usage, active }) => usage === 'SIGNING' && active,
    )
  for (const other of await signing())
    if (other.sha256 !== sha256) await admin.send('PUT', `/token-certificates/${other.sha256}/disable`)
  await until('one certificate at both', async (saw) =>
    saw(await several(signing)).every((list) => list.map((one) => one.sha256).join() === sha256),
  )
  const untilAllSign = (): Promise<unknown> =>
    until('exchanges that the token signs', async (saw) =>
      saw(await several(exchange)).every((status) => status === 200),
    )
  await untilAllSign()

  await q.killOne()
  await untilAll(true)
  await untilAllSign()

  await admin.send('PUT', '/tokens/1/logout')
  await untilAll(false)
  const refused = await several(exchange)
  t.ok(
    refused.every((status) => status >= 500),
    `locked at both: ${refused.join()}`,
  )
  t.equal((await admin.call('PUT', '/tokens/1/login', { pin: 'Wrong-PIN-99' })).status, 400)
  t.equal((await admin.call('PUT', '/tokens/1/login', { pin: PIN })).status, 204)
  await untilAll(true)
  await untilAllSign()
}
