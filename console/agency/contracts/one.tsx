/** One contract: whose agreement is missing, its terms and seals, its versions side by side, its history. */
import { useState } from 'preact/hooks'
import { ChooseVersion, currentOf, partyId, stateName } from '../../kit/contract.tsx'
import { Terms } from '../../kit/contract-terms.tsx'
import { Versions } from '../../kit/contract-versions.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { withoutIds } from '../../kit/done.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { NameOf } from '../../kit/named.tsx'
import { useName } from '../../kit/names.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Event, Timeline } from '../../kit/timeline.tsx'
import { AcceptContract, JoinContract } from './accept.tsx'
import { ContractActs } from './acts.tsx'
import { ContactsOf } from './contacts.tsx'
import { openOf, Party, type Version } from './contract.tsx'
import { ContractFacts } from './facts.tsx'
import { UnpublishedGrace } from './unpublished-grace.tsx'

export function OneContract({ params }: { params: Record<string, string> }) {
  const versions = useAnswer<Version[]>('getContract', { params: { id: params['id']! } })
  return (
    <Show of={versions} page="contracts.one">
      {(data) => <Known of={data} />}
    </Show>
  )
}

function Known({ of: versions }: { of: Version[] }) {
  const open = openOf(versions)
  const current = currentOf(versions)
  const [chosen, setChosen] = useState((open ?? current).version)
  const shown = versions.find(({ version }) => version === chosen) ?? current
  return (
    <>
      <Head
        title={current.title}
        lead={<Copyable value={current.contract} />}
        acts={
          <>
            {open?.waitsHere.map((member) => (
              <AcceptContract key={member} of={open} member={member} />
            ))}
            <JoinContract of={current} />
            <ContractActs of={versions} />
          </>
        }
      />
      {versions.some(({ suspended }) => suspended) && <p class="note">{text('contract.suspendedHere')}</p>}
      {current.endings.length > 0 && <Endings of={current} />}
      <UnpublishedGrace of={current} />
      {open !== undefined && <WaitsFor of={open} />}
      <Part title={text('common.facts')}>
        <ContractFacts of={current} />
      </Part>
      {versions.length > 1 && <Versions of={versions} />}
      <Part
        title={text('contract.terms', { version: String(shown.version) })}
        acts={
          versions.length > 1 && <ChooseVersion of={versions} chosen={shown.version} choose={setChosen} />
        }
      >
        <Terms of={shown} Party={Party} />
      </Part>
      <ContactsOf of={shown} />
      <Part title={text('contract.life')}>
        {versions.some(({ sealedBy }) => sealedBy.length > 0) && <p>{text('contract.mandatedHint')}</p>}
        <Timeline events={versions.flatMap(lifeOf).toSorted((a, b) => b.at.localeCompare(a.at))} />
      </Part>
    </>
  )
}

/** Which members of this server want to end it, and why. */
function Endings({ of: { endings } }: { of: Version }) {
  return (
    <Part title={text('contract.endings')}>
      <ul class="plain-list ruled">
        {endings.map(({ member, by, byYou, reason, at }) => (
          <li key={member}>
            <Party id={member} />{' '}
            <bdi>{text(byYou ? 'contract.endingYou' : 'contract.ending', { name: by })}</bdi>{' '}
            <Time at={at} relative />
            <p>
              <bdi>{reason}</bdi>
            </p>
          </li>
        ))}
      </ul>
    </Part>
  )
}

/** Each member that must seal it, and which of its two people is still missing. */
function WaitsFor({ of }: { of: Version }) {
  const { state, version, waitsFor, waitsHere, agreements, contactsMissing = [] } = of
  const sides = contactsMissing.map((one) => text(`contract.side.${one}`))
  return (
    <Part title={text('contract.waits', { version: String(version) })}>
      {state === 'ACCEPTED' ? (
        <p>{text(sides.length === 0 ? 'contract.waitsForApproval' : 'contract.sealedByAll')}</p>
      ) : (
        <>
          <p>{text('contract.waitsForSeals')}</p>
          <ul class="plain-list ruled">
            {waitsFor.map((member) => {
              const first = agreements.find((one) => one.member === member)
              return (
                <li key={member}>
                  <Party id={member} />{' '}
                  {!waitsHere.includes(member) ? (
                    <span class="beside">{text('contract.elsewhere')}</span>
                  ) : first === undefined ? (
                    text('contract.nobodyYet')
                  ) : (
                    <>
                      <bdi>
                        {text(first.byYou ? 'contract.firstYou' : 'contract.first', { name: first.by })}
                      </bdi>{' '}
                      <Time at={first.at} relative />
                    </>
                  )}
                </li>
              )
            })}
          </ul>
        </>
      )}
      {sides.length > 0 && <p>{text('contract.waitsForContacts', { sides: sides.join(', ') })}</p>}
    </Part>
  )
}

/** For which member something was done, by its name. */
function ForMember(q: {
  id: string
  words: 'contract.agreedFor' | 'contract.sealedFor' | 'contract.joinedFor'
  said(what: string): string
}) {
  const member = useName(q.id)?.name ?? q.id
  return <>{q.said(text(q.words, { member }))}</>
}

/** The events of a version that the server knows. People who agreed at other servers appear in the seals. */
function lifeOf(one: Version): Event[] {
  const { version, state, proposedBy, proposedAt, changedAt, sealedBy, agreements, reason, inForceAt } = one
  const said = (what: string): string => text('contract.event', { version: String(version), what })
  // It ended by the clock: nobody changed it then.
  const since = state === 'EXPIRED' ? one.validUntil : changedAt
  return [
    ...(proposedAt === undefined
      ? []
      : [
          {
            key: `${version} proposed`,
            at: proposedAt,
            what: <>{said(text('contract.act.propose'))}</>,
            ...(proposedBy === undefined ? {} : { who: <NameOf id={partyId(proposedBy)} /> }),
          },
        ]),
    ...agreements.map(({ member, at, by }) => ({
      key: `${version} agreed ${member}`,
      at,
      what: <ForMember id={partyId(member)} words="contract.agreedFor" said={said} />,
      who: by,
    })),
    ...sealedBy.map(({ id, signer, createdAt, mandated, subsystems }) => ({
      key: id,
      at: createdAt,
      what: (
        <ForMember
          id={partyId(signer)}
          words={subsystems === undefined ? 'contract.sealedFor' : 'contract.joinedFor'}
          said={said}
        />
      ),
      who: mandated.map(withoutIds).join(', '),
    })),
    ...(inForceAt === undefined || state === 'ACTIVE'
      ? []
      : [
          {
            key: `${version} in force`,
            at: inForceAt,
            what: <>{said(text('contract.cameIntoForce'))}</>,
          },
        ]),
    ...(since === undefined || state === 'PROPOSED'
      ? []
      : [
          {
            key: `${version} ${state}`,
            at: since,
            what: (
              <>
                {said(stateName(state))}
                {reason !== undefined && <bdi class="beside wrap"> {reason}</bdi>}
              </>
            ),
          },
        ]),
  ]
}
