/**
 * A represented party over real processes: a contract that lets nobody be represented, one that asks for a
 * hosting mandate of the registry, one that asks a mandate service. What the provider's record says of each.
 */
import type { Test } from 'tap'
import type { MandateServicesFake } from '../fakes/mandate-services.ts'
import { colons, type World } from '../world.ts'

type Q = {
  world: World
  target: string
  service: object
  mandateServices: MandateServicesFake
  /** Agrees on a new version of the contract with these terms. */
  withTerms(more: object): Promise<string>
  /** Has both servers fetch the present list of contracts. */
  refresh(): Promise<unknown>
}

const ORACLE = 'EE/GOV/70006317/volitused/oraakel'

/** The setting `mandateServices` of servers in the environment: the fake Pääsuke. */
export function oracleSettings({ url }: MandateServicesFake): string {
  return JSON.stringify([{ name: ORACLE, kind: 'paasuke', url: `${url}/oraakel`, country: 'EE' }])
}

export async function representedParty(t: Test, q: Q): Promise<void> {
  const { world, mandateServices: oracle } = q
  const { tax, business } = world.servers
  const code = business.member.split('/').slice(1).join('/')
  const ask = async (party?: string, userId?: string): Promise<string> => {
    const headers = {
      'X-Road-Client': tax.client,
      ...(party !== undefined && { 'X-Road-Represented-Party': party }),
      ...(userId !== undefined && { 'X-Road-UserId': userId }),
    }
    const reply = await world.ask('tax', q.target, { headers })
    return reply.status === 200 ? 'answered' : `${reply.status} ${String(reply.headers['x-road-error'])}`
  }
  const onRecord = async (): Promise<Record<string, string>> => {
    const admin = world.admin.population
    const asked = `kind=request&direction=in&clientId=${colons(tax.client)}&limit=1`
    const [newest] = await admin.get<{ index: number }[]>(`/message-log/records?${asked}`)
    const record = await admin.get<{ metadata: { extra: Record<string, string> } }>(
      `/message-log/records/${newest!.index}`,
    )
    return record.metadata.extra
  }
  const under = (representation: object) => q.withTerms({ services: [{ ...q.service, representation }] })

  t.equal(await ask(code), 'answered', 'as long as no contract says anything of it')
  t.match(await onRecord(), { representedParty: code, representation: 'asserted' })
  await under({ check: 'none' })
  t.equal(await ask(code), '403 client.representation_refused', 'by our own server')
  t.equal(await ask(), 'answered')
  t.equal((await onRecord())['representation'], undefined)

  await under({ check: 'hostingMandate' })
  t.equal(await ask(code), '403 client.representation_refused')
  const mandate = { host: colons(tax.member), client: colons(business.member) }
  const validUntil = new Date(Date.now() + 86_400_000).toISOString()
  const { id } = await world.registryAdmin.send<{ id: number }>('POST', '/hosting-mandates', {
    ...mandate,
    validUntil,
  })
  await q.refresh()
  t.equal(await ask(code), 'answered')
  t.match(await onRecord(), {
    ...{ representedParty: code, representation: 'checked', representationBy: 'hosting mandate' },
    representationId: `${id}`,
  })
  t.equal(await ask('GOV/nobody'), '403 client.representation_refused')

  const rule = { check: 'mandateService', service: ORACLE, delegate: 'user', roles: ['EMTA:FILER'] }
  await under(rule)
  const user = 'EE38302250123'
  t.equal(await ask('COM/10391131'), '403 client.representation_refused', 'nobody who acts')
  const refused = 'server.serverproxy.representation_refused'
  t.match(await ask('COM/10391131', user), refused, "by the provider's server")
  oracle.people.set('EE10391131', 'LEGAL_PERSON').set(user, 'NATURAL_PERSON')
  oracle.mandates.push({ representee: 'EE10391131', delegate: user, role: 'EMTA:FILER' })
  t.equal(await ask('COM/10391131', user), 'answered')
  t.match(await onRecord(), {
    ...{ userId: user, representation: 'checked', representationBy: ORACLE },
    representationAnswer: /^[A-Za-z0-9+/]{43}=$/,
  })
  oracle.spoil = (response) => void response.socket?.destroy()
  t.equal(await ask('COM/10391131', user), '500 server.serverproxy.mandate_service_unavailable')
  oracle.spoil = undefined
  t.equal(await ask('COM/10391131', user), 'answered', 'as soon as it is back')
}
