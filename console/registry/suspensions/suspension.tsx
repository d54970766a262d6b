/**
 * An emergency suspension in the form of the API: its state, who made it, who confirms it, how it is lifted.
 */
import { Act } from '../../kit/act.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Consequences } from '../consequences.tsx'

export const KINDS = ['member', 'subsystem', 'server', 'certificate', 'contract'] as const
export type Kind = (typeof KINDS)[number]
type Who = { id: string; name: string } | null

export type Suspension = {
  id: number
  kind: Kind
  subject: string
  /** The title of a suspended contract. */
  title?: string
  reason: string
  state: 'unconfirmed' | 'confirmed' | 'lifted'
  suspendedAt: string
  suspendedBy: Who
  confirmedAt: string | null
  confirmedBy: Who
  liftedAt: string | null
  liftedBy: Who
  announcements: number
  nextAnnouncement: string | null
  mayConfirm: boolean
}

const TONES = { unconfirmed: 'bad', confirmed: 'warn', lifted: 'quiet' } as const

export function SuspensionState({ of: { state } }: { of: Suspension }) {
  return <Status tone={TONES[state]} word={`suspension.${state}`} />
}

/** The suspended thing in words, for buttons and titles. */
function nameOf({ kind, subject, title }: Pick<Suspension, 'kind' | 'subject' | 'title'>): string {
  return `${text(`suspension.kind.${kind}` as TextKey)} ${title ?? subject}`
}

/** What a suspension means for X-Road's own security servers, which is the registry's policy. */
export function OfXRoad() {
  const policy = useAnswer<{ leaveConfiguration: boolean }>('getSuspensionPolicy')
  return (
    <Show of={policy}>
      {({ leaveConfiguration }) => (
        <p>{text(leaveConfiguration ? 'suspension.xroadToo' : 'suspension.xroadGoOn')}</p>
      )}
    </Show>
  )
}

/** Suspends one thing at once; the dialog shows what would stop. */
export function Suspend({ kind, subject }: { kind: Kind; subject: string }) {
  return (
    <Act<Suspension>
      operation="addSuspension"
      button={text('suspension.suspend')}
      label={text('suspension.suspendThis', { name: nameOf({ kind, subject }) })}
      title={text('suspension.suspendThis', { name: nameOf({ kind, subject }) })}
      consequence={
        <>
          <p>{text('suspension.consequence')}</p>
          <OfXRoad />
          <Consequences operation="addSuspension" params={{ id: subject, kind }} />
        </>
      }
      fields={[
        {
          name: 'reason',
          title: 'suspension.reason',
          hint: 'suspension.reasonHint',
          type: 'long',
          maxLength: 500,
        },
      ]}
      send={(body, call) => call('addSuspension', { body: { ...body, kind, subject } })}
      result={() => <p>{text('suspension.done')}</p>}
    />
  )
}

export function Confirm({ of }: { of: Suspension }) {
  if (of.state !== 'unconfirmed' || !of.mayConfirm) return null
  const name = nameOf(of)
  return (
    <Act
      operation="confirmSuspension"
      button={text('suspension.confirm')}
      label={text('suspension.confirmThis', { name })}
      look="primary"
      title={text('suspension.confirmThis', { name })}
      consequence={
        <>
          <p>{text('suspension.confirmConsequence')}</p>
          <p>
            {text('suspension.reason')}: <bdi class="wrap">{of.reason}</bdi>
          </p>
        </>
      }
      send={(_, call) => call('confirmSuspension', { params: { id: String(of.id) } })}
      result={() => <p>{text('suspension.confirmedNow')}</p>}
    />
  )
}

export function Lift({ of }: { of: Suspension }) {
  if (of.state === 'lifted') return null
  const name = nameOf(of)
  return (
    <Act
      operation="liftSuspension"
      button={text('suspension.lift')}
      label={text('suspension.liftThis', { name })}
      title={text('suspension.liftThis', { name })}
      consequence={<p>{text('suspension.liftConsequence')}</p>}
      send={(_, call) => call('liftSuspension', { params: { id: String(of.id) } })}
      result={() => <p>{text('suspension.liftedNow')}</p>}
    />
  )
}

export function By({ at, who }: { at: string | null; who: Who }) {
  if (at === null) return <>{text('suspension.notYet')}</>
  return (
    <>
      <bdi>{who?.name}</bdi> <Time at={at} />
    </>
  )
}

/** On the page of the suspended thing; elsewhere (`named`) with its name. */
export function SuspensionPart({ of, named = false }: { of: Suspension; named?: boolean }) {
  return (
    <Part title={named ? nameOf(of) : text('suspension.one')}>
      <Facts
        of={[
          ['common.state', <SuspensionState key="state" of={of} />],
          [
            'suspension.reason',
            <bdi key="reason" class="wrap">
              {of.reason}
            </bdi>,
          ],
          ['suspension.by', <By key="by" at={of.suspendedAt} who={of.suspendedBy} />],
          ['suspension.confirmedBy', <By key="confirmed" at={of.confirmedAt} who={of.confirmedBy} />],
          ['suspension.liftedBy', <By key="lifted" at={of.liftedAt} who={of.liftedBy} />],
          ...(of.nextAnnouncement === null
            ? []
            : [['suspension.next', <Next key="next" of={of} />] as [TextKey, object]]),
        ]}
      />
    </Part>
  )
}

/** How many times the suspension was announced, and when it will be announced next. */
export function Next({ of: { announcements, nextAnnouncement } }: { of: Suspension }) {
  if (nextAnnouncement === null) return null
  return (
    <>
      <Time at={nextAnnouncement} relative />{' '}
      <span class="beside">{text('suspension.announced', { count: announcements })}</span>
    </>
  )
}
