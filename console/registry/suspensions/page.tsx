/** The present suspensions: by whom, who must confirm them, and how much of the limit is used. */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { contractPath } from '../../kit/contract.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import type { Find } from '../../kit/field.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Table } from '../../kit/table.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { ClientLink, ServerLink } from '../links.tsx'
import { useCertificates, useContracts, useMembers, useServers, useSubsystems } from '../pick.ts'
import {
  By,
  Confirm,
  KINDS,
  type Kind,
  Lift,
  Next,
  OfXRoad,
  type Suspension,
  SuspensionState,
} from './suspension.tsx'

export type Policy = {
  perDay: number
  /** Whether what is suspended leaves the shared parameters too. */
  leaveConfiguration: boolean
  ownUnconfirmedToday: number
  inForce: number
  unconfirmed: number
  mostInForce: number
}

export function Suspensions() {
  return (
    <>
      <Head title={text('suspensions.title')} lead={text('suspensions.lead')} acts={<SuspendAny />} />
      <Bound />
      <Table<Suspension>
        operation="getSuspensions"
        caption={text('suspensions.title')}
        search="suspensions.search"
        filters={[
          {
            name: 'state',
            title: 'common.state',
            options: [
              { value: '', title: text('suspensions.inForce') },
              { value: 'unconfirmed', title: text('suspension.unconfirmed') },
              { value: 'lifted', title: text('suspension.lifted') },
              { value: 'all', title: text('common.all') },
            ],
          },
        ]}
        rowKey={({ id }) => id}
        columns={[
          { title: 'suspension.what', cell: (one) => <Subject of={one} /> },
          {
            title: 'common.state',
            cell: (one) => (
              <>
                <SuspensionState of={one} />
                {one.nextAnnouncement !== null && (
                  <p>
                    <span class="beside">{text('suspension.next')}</span> <Next of={one} />
                  </p>
                )}
              </>
            ),
          },
          { title: 'suspension.reason', cell: ({ reason }) => <bdi class="wrap">{reason}</bdi> },
          { title: 'suspension.by', cell: (one) => <By at={one.suspendedAt} who={one.suspendedBy} /> },
          {
            title: 'suspension.confirmedBy',
            cell: (one) => <By at={one.confirmedAt} who={one.confirmedBy} />,
          },
          {
            title: 'suspension.liftedBy',
            cell: (one) => <By at={one.liftedAt} who={one.liftedBy} />,
          },
          {
            title: 'common.acts',
            acts: ['confirmSuspension', 'liftSuspension'],
            cell: (one) => (
              <div class="acts">
                <Confirm of={one} />
                <Lift of={one} />
              </div>
            ),
          },
        ]}
        empty={<p>{text('suspensions.empty')}</p>}
      />
    </>
  )
}

function Subject({ of: { kind, subject, title } }: { of: Suspension }) {
  return (
    <>
      <span class="beside">{text(`suspension.kind.${kind}` as TextKey)}</span>{' '}
      {kind === 'server' ? (
        <ServerLink id={subject} />
      ) : kind === 'certificate' ? (
        <bdi class="id wrap">{subject}</bdi>
      ) : kind === 'contract' ? (
        <Link to={contractPath(subject)}>
          <bdi>{title}</bdi>
        </Link>
      ) : (
        <ClientLink id={subject} />
      )}
    </>
  )
}

/** Things of the kind that is chosen in the form. */
function useSubjects(): Find {
  const finds: Record<Kind, Find> = {
    ...{ member: useMembers(), subsystem: useSubsystems(), server: useServers() },
    ...{ certificate: useCertificates(), contract: useContracts() },
  }
  return async (typed, values) => {
    const kind = KINDS.find((one) => one === values['kind'])
    return kind === undefined ? [] : finds[kind](typed, values)
  }
}

/** Suspends a thing by kind and name, because signing certificates have no page of their own. */
function SuspendAny() {
  const subjects = useSubjects()
  return (
    <Act<Suspension>
      operation="addSuspension"
      button={text('suspensions.suspend')}
      title={text('suspensions.suspend')}
      consequence={
        <>
          <p>{text('suspension.consequence')}</p>
          <OfXRoad />
          <p class="hint">{text('suspensions.seePage')}</p>
        </>
      }
      fields={[
        {
          name: 'kind',
          title: 'suspension.kind',
          type: 'select',
          options: KINDS.map((kind) => ({ value: kind, title: text(`suspension.kind.${kind}` as TextKey) })),
        },
        {
          ...{ name: 'subject', title: 'suspension.subject', hint: 'suspension.subjectHint' },
          ...{ type: 'pick', find: subjects, maxLength: 1100 },
        },
        {
          name: 'reason',
          title: 'suspension.reason',
          hint: 'suspension.reasonHint',
          type: 'long',
          maxLength: 500,
        },
      ]}
      send={(body, call) => call('addSuspension', { body })}
      result={() => <p>{text('suspension.done')}</p>}
    />
  )
}

function Bound() {
  const policy = useAnswer<Policy>('getSuspensionPolicy')
  return (
    <Part title={text('suspensions.bound')}>
      <Show of={policy}>
        {(data) => (
          <Facts
            of={[
              ['suspensions.own', used(data.ownUnconfirmedToday, data.perDay)],
              ['suspensions.unconfirmed', number(data.unconfirmed)],
              ['suspensions.all', used(data.inForce, data.mostInForce)],
            ]}
          />
        )}
      </Show>
    </Part>
  )
}

function used(count: number, most: number): string {
  return text('suspensions.used', { used: count, most })
}
