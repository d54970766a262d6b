/** How the registry and its instance are: a line for each, with the page on which something can be done. */
import type { ComponentChildren } from 'preact'
import { Link } from '../../kit/address.tsx'
import { Part } from '../../kit/facts.tsx'
import { type Loaded, useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import type { Configuration } from '../configuration/page.tsx'
import { troubleName } from '../fleet/trouble.tsx'
import type { Overview } from './waiting.ts'

type Q = { overview: Loaded<Overview>; configuration: Loaded<Configuration> }

export function Health({ overview, configuration }: Q) {
  const troubles = useAnswer<Record<string, number>>('getFleetTroubles')
  return (
    <Part title={text('home.health')}>
      <Show of={configuration} quiet>
        {({ newest }) => (
          <ul class="lines">
            <Published newest={newest} />
          </ul>
        )}
      </Show>
      <Show of={overview} quiet>
        {(of) => (
          <ul class="lines">
            <Own of={of} />
          </ul>
        )}
      </Show>
      <Show of={troubles}>
        {(of) => (
          <ul class="lines">
            <Fleet of={of} />
          </ul>
        )}
      </Show>
    </Part>
  )
}

function Line(q: { tone: Tone; to: string; title: TextKey; children: ComponentChildren }) {
  return (
    <li>
      <span class="mark">
        <Status tone={q.tone} word={WORDS[q.tone]} />
      </span>
      <Link to={q.to}>{text(q.title)}</Link> {q.children}
    </li>
  )
}

const WORDS: Record<Tone, TextKey> = {
  good: 'fleet.none',
  quiet: 'fleet.none',
  warn: 'fleet.warning',
  bad: 'fleet.error',
}

function Published({ newest }: Pick<Configuration, 'newest'>) {
  const isValid = newest !== null && Date.parse(newest.expiresAt) > Date.now()
  return (
    <Line tone={isValid ? 'good' : 'bad'} to="/configuration" title="configuration.title">
      {newest === null ? (
        text('configuration.none')
      ) : (
        <>
          {text(isValid ? 'health.validUntil' : 'health.endedAt')} <Time at={newest.expiresAt} relative />
        </>
      )}
    </Line>
  )
}

/**
 * Backups, mail to members, suspensions, servers that nobody can reach for want of a certificate, and forked
 * message logs.
 */
function Own({ of }: { of: Overview }) {
  const { backups, mail, suspensions, serversWithoutCertificate } = of
  const { isWitness, proofs } = of.forkedLogs
  const isBackedUp = backups.isWell === true
  const tone = isBackedUp ? 'good' : backups.isConfigured ? 'bad' : 'warn'
  return (
    <>
      <Line tone={tone} to="/backups" title="backups.title">
        {!backups.isConfigured
          ? text('health.noBackups')
          : isBackedUp && backups.newestAt !== undefined
            ? [text('health.backedUp'), ' ', <Time key="at" at={backups.newestAt} relative />]
            : text(backups.failure === undefined ? 'waiting.backupOld' : 'waiting.backupFailed')}
      </Line>
      <Line
        tone={mail.undelivered > 0 ? 'bad' : 'good'}
        to="/mail-messages?state=UNDELIVERED"
        title="mail.title"
      >
        {mail.undelivered > 0
          ? text('waiting.mail', { count: mail.undelivered })
          : text('health.mailArrived')}
      </Line>
      <Line tone={suspensions.inForce > 0 ? 'warn' : 'good'} to="/suspensions" title="suspensions.title">
        {suspensions.inForce > 0
          ? text('health.suspended', { count: suspensions.inForce })
          : text('health.noneSuspended')}
      </Line>
      <Line
        tone={serversWithoutCertificate > 0 ? 'warn' : 'good'}
        to="/security-servers?certificate=none"
        title="servers.title"
      >
        {serversWithoutCertificate > 0
          ? text('waiting.noCertificate', { count: serversWithoutCertificate })
          : text('health.allCertified')}
      </Line>
      <Line tone={proofs > 0 ? 'bad' : isWitness ? 'good' : 'quiet'} to="/fleet/logs" title="logs.title">
        {proofs > 0
          ? text('health.forkedLogs', { count: proofs })
          : text(isWitness ? 'health.noForkedLog' : 'logs.isNone')}
      </Line>
    </>
  )
}

function Fleet({ of }: { of: Record<string, number> }) {
  const there = Object.entries(of).filter(([kind, count]) => kind !== 'any' && count > 0)
  return (
    <Line tone={there.length > 0 ? 'warn' : 'good'} to="/fleet?trouble=any" title="fleet.title">
      {there.length === 0
        ? text('health.noTrouble')
        : there.map(([kind, count]) => `${troubleName(kind)}: ${count}`).join(', ')}
    </Line>
  )
}
