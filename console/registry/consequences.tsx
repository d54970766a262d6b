/** What an act would affect, read from the registry before anybody does it: who is left without a server comes first. */
import type { ComponentChildren } from 'preact'
import { useAnswer } from '../kit/load.ts'
import { Show } from '../kit/states.tsx'
import { type TextKey, text } from '../kit/text.ts'

type Named<T> = { total: number; first: T[] }
type Foreseen = {
  possible: boolean
  refusal?: { message: string }
  notKnown: string[]
  certificates: Named<{ sha256: string; server: string }>
  contracts: Named<{ contract: string; version: number; title: string }>
  services: Named<{ provider: string; serviceCode: string }>
} & Record<'members' | 'clients' | 'withoutServer' | 'securityServers' | 'signers', Named<string>>

/** Those whose consequences the registry can tell, with the parameters that it needs for it. */
const FORESEEN: Record<string, string[]> = {
  deleteCertificationService: ['id'],
  deleteIntermediateCa: ['id', 'sha256'],
  deleteTimestampingService: ['id'],
  deleteSecurityServer: ['id'],
  deleteAuthenticationCertificate: ['id', 'sha256'],
  deleteClient: ['id', 'client'],
  deleteMember: ['id'],
  deleteSubsystem: ['id'],
  terminateContract: ['id'],
  suspendContract: ['id'],
  addSuspension: ['id', 'kind'],
}

export function isForeseen(operation: string): boolean {
  return Object.hasOwn(FORESEEN, operation)
}

export function Consequences({ operation, params }: { operation: string; params: Record<string, string> }) {
  const query = Object.fromEntries((FORESEEN[operation] ?? []).map((name) => [name, params[name] ?? '']))
  const foreseen = useAnswer<Foreseen>('getConsequences', { query: { operation, ...query } })
  return <Show of={foreseen}>{(data) => <Told of={data} />}</Show>
}

function Told({ of }: { of: Foreseen }) {
  if (!of.possible)
    return (
      <p class="note">
        {text('consequences.refused')} <bdi>{of.refusal?.message}</bdi>
      </p>
    )
  const lists = [
    list('withoutServer', of.withoutServer, plainId),
    list('securityServers', of.securityServers, plainId),
    list('certificates', of.certificates, ({ sha256, server }) => (
      <>
        <bdi class="id wrap">{sha256}</bdi> <bdi class="beside">{server}</bdi>
      </>
    )),
    list('contracts', of.contracts, ({ contract, title }) => (
      <>
        <bdi>{title}</bdi> <bdi class="id beside">{contract}</bdi>
      </>
    )),
    list('services', of.services, ({ provider, serviceCode }) => (
      <>
        <bdi class="id">{serviceCode}</bdi> <bdi class="id beside">{provider}</bdi>
      </>
    )),
    // The same ones again would hide what differs.
    of.clients.total === of.withoutServer.total ? null : list('clients', of.clients, plainId),
    list('signers', of.signers, plainId),
    list('members', of.members, plainId),
  ].filter((one) => one !== null)
  return (
    <>
      {lists.length === 0 ? <p>{text('consequences.nothing')}</p> : lists}
      <p class="hint">
        {text('consequences.notKnown')} {of.notKnown.join('; ')}.
      </p>
    </>
  )
}

/** No link: it would lead out of the dialog in which somebody decides. */
function plainId(id: string) {
  return <bdi class="id wrap">{id}</bdi>
}

/** Open when it is short, so that a dialog stays one. */
function list<T>(name: string, { total, first }: Named<T>, show: (one: T) => ComponentChildren) {
  if (total === 0) return null
  return (
    <details key={name} open={total <= 3}>
      <summary>
        {text(`consequences.${name}` as TextKey)}: {total}
      </summary>
      <ul class="plain-list">
        {first.map((one) => (
          <li key={JSON.stringify(one)}>{show(one)}</li>
        ))}
        {total > first.length && <li>{text('consequences.more', { count: total - first.length })}</li>}
      </ul>
    </details>
  )
}
