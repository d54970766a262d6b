/**
 * What an act would affect, loaded from the registry before the act. Clients that would be left without a
 * server come first.
 */
import type { ComponentChildren } from 'preact'
import { useAnswer } from '../kit/load.ts'
import { Show } from '../kit/placeholders.tsx'
import { type TextKey, text } from '../kit/text.ts'

type Named<T> = { total: number; first: T[] }
type Calls = { answered: number; failed: number; refused: number }
type Last = { lastDay: string | null }
type Told = Calls & {
  from: string
  to: string
  pairs: Named<
    { consumer: string; provider: string; serviceCode: string; serviceVersion?: string } & Calls & Last
  >
  unnamed: number
  notReportedBy: Named<string>
  partlyReportedBy: Named<{ server: string; days: number }>
}
type Foreseen = {
  possible: boolean
  refusal?: { message: string }
  notKnown: string[]
  certificates: Named<{ sha256: string; server: string }>
  contracts: Named<{ contract: string; version: number; title: string; calls: (Calls & Last) | null }>
  services: Named<{ provider: string; serviceCode: string } & Calls>
  calls: Told
} & Record<'members' | 'clients' | 'withoutServer' | 'securityServers' | 'signers', Named<string>>

/** The operations whose consequences the registry can foresee, with the parameters that it needs. */
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
  removeExternalAnchor: ['id'],
  suspendContract: ['id'],
  addSuspension: ['id', 'kind'],
}

export function isForeseen(operation: string): boolean {
  return Object.hasOwn(FORESEEN, operation)
}

export function Consequences({ operation, params }: { operation: string; params: Record<string, string> }) {
  const query = Object.fromEntries(
    (FORESEEN[operation] ?? []).map((name) => [name, parameterOf(name, params)]),
  )
  const foreseen = useAnswer<Foreseen>('getConsequences', { query: { operation, ...query } })
  return <Show of={foreseen}>{(data) => <Affected of={data} />}</Show>
}

/** An operation whose path has a SHA-256 uses it as the id. */
function parameterOf(name: string, params: Record<string, string>): string {
  return params[name] ?? (name === 'id' ? (params['sha256'] ?? '') : '')
}

function Affected({ of }: { of: Foreseen }) {
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
    list('contracts', of.contracts, ({ contract, title, calls }) => (
      <>
        <bdi>{title}</bdi> <bdi class="id beside">{contract}</bdi>{' '}
        <span class="beside">{calls === null ? text('consequences.callsSecret') : callsText(calls)}</span>
      </>
    )),
    list('services', of.services, ({ provider, serviceCode, ...calls }) => (
      <>
        <bdi class="id">{serviceCode}</bdi> <bdi class="id beside">{provider}</bdi>{' '}
        <span class="beside">{callsText(calls)}</span>
      </>
    )),
    // Listing the same ones again would hide the difference.
    of.clients.total === of.withoutServer.total ? null : list('clients', of.clients, plainId),
    list('signers', of.signers, plainId),
    list('members', of.members, plainId),
  ].filter((one) => one !== null)
  return (
    <>
      {lists.length === 0 ? <p>{text('consequences.nothing')}</p> : lists}
      <LastMonth of={of.calls} />
      <p class="hint">
        {text('consequences.notKnown')} {of.notKnown.join('; ')}.
      </p>
    </>
  )
}

/**
 * Last month's exchanges that would end, and the servers that did not report theirs. When no exchange is
 * known and a report is missing, no number is shown, because it would look like the total.
 */
function LastMonth({ of }: { of: Told }) {
  const { pairs, unnamed, notReportedBy, partlyReportedBy } = of
  const isKnown = pairs.total > 0 || notReportedBy.total === 0
  return (
    <section aria-label={text('consequences.calls')}>
      <h3>{text('consequences.calls')}</h3>
      {isKnown && (
        <p>
          {callsText(of)}{' '}
          <span class="beside">{text('consequences.days', { from: of.from, to: of.to })}</span>
        </p>
      )}
      {list('notReportedBy', notReportedBy, plainId)}
      {list('partlyReportedBy', partlyReportedBy, ({ server, days }) => (
        <>
          <bdi class="id">{server}</bdi>{' '}
          <span class="beside">{text('consequences.daysReported', { count: days })}</span>
        </>
      ))}
      {list('pairs', pairs, ({ consumer, provider, serviceCode, serviceVersion, lastDay, ...calls }) => (
        <>
          <bdi class="id">{consumer}</bdi> {text('consequences.called')} <bdi class="id">{provider}</bdi>{' '}
          <bdi class="id">{[serviceCode, serviceVersion].filter((one) => one !== undefined).join(' ')}</bdi>{' '}
          <span class="beside">
            {callsText(calls)}, {text('consequences.last', { day: lastDay ?? '' })}
          </span>
        </>
      ))}
      {unnamed > 0 && <p class="hint">{text('consequences.unnamed', { count: unnamed })}</p>}
    </section>
  )
}

/** All three counts, so that a service that only fails does not look unused. */
function callsText({ answered, failed, refused }: Calls): string {
  return [
    text('consequences.answered', { count: answered }),
    ...(failed === 0 ? [] : [text('consequences.failed', { count: failed })]),
    ...(refused === 0 ? [] : [text('consequences.callsRefused', { count: refused })]),
  ].join(', ')
}

/** Not a link, which would leave the dialog in which the decision is made. */
function plainId(id: string) {
  return <bdi class="id wrap">{id}</bdi>
}

/** Expanded when it is short, so that the dialog stays small. */
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
