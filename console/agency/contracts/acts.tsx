/**
 * The other acts of a party on a contract: withdraw, decline, propose a later end or another version,
 * terminate.
 */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import type { Answer, Api } from '../../kit/api.ts'
import { useConsole, useMay } from '../../kit/context.ts'
import { contractPath, partyId } from '../../kit/contract.tsx'
import type { Field, Values } from '../../kit/field.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { openOf, type Status, type Version } from './contract.tsx'

const REASON: Field = {
  name: 'reason',
  title: 'contract.reasonForParties',
  hint: 'contract.reasonHint',
  type: 'long',
  maxLength: 1000,
}

export function ContractActs({ of: versions }: { of: Version[] }) {
  const mayPropose = useMay('proposeContractVersion')
  const open = openOf(versions)
  const held = versions.findLast(({ state }) => ['ACTIVE', 'SUSPENDED', 'EXPIRED'].includes(state))
  const last = versions.at(-1)!
  if (last.partiesHere.length === 0) return null
  const deciding = decidingHere(last)
  // No version can follow one that is suspended or terminated, or one that all have sealed and the registry
  // has not decided on.
  const mayFollow =
    open?.state !== 'ACCEPTED' &&
    !versions.some(({ state, suspended }) => suspended || state === 'TERMINATED' || state === 'SUSPENDED')
  // The list of an older registry does not say who proposed it: the button is shown, and the registry
  // decides.
  const isOwn = open?.proposedBy === undefined || open.partiesHere.includes(open.proposedBy)
  const others = open === undefined ? [] : decidingHere(open).filter((member) => member !== open.proposedBy)
  return (
    <>
      {held !== undefined && mayFollow && deciding.length > 0 && <Extend of={held} />}
      {mayPropose && mayFollow && deciding.length > 0 && (
        <Link to={`${contractPath(last.contract)}/propose`} class="button">
          {text('contract.proposeVersion')}
        </Link>
      )}
      {open !== undefined && isOwn && (
        <ByReason of={open} operation="withdrawContract" words="withdraw" signers={signersOf(open)} />
      )}
      {open !== undefined && others.length > 0 && (
        <ByReason of={open} operation="declineContract" words="decline" signers={others} />
      )}
      {held !== undefined && held.state !== 'EXPIRED' && <Terminate of={held} />}
    </>
  )
}

/** The proposer withdraws it; when the proposer is unknown, any party of this server. */
function signersOf(of: Version): string[] {
  return of.proposedBy === undefined ? decidingHere(of) : [of.proposedBy]
}

/** Of the terms of a group the provider decides: who joined them may only leave. */
function decidingHere({ globalGroup, provider, partiesHere }: Version): string[] {
  return globalGroup === undefined
    ? partiesHere
    : partiesHere.filter((member) => provider.startsWith(`${member}/`))
}

/** Two people end it, in person and with the same reason: that of the first one. */
function Terminate({ of }: { of: Version }) {
  const { session } = useConsole()
  if (session.kind === 'key') return null
  const asked = of.endings.map(({ member }) => member)
  const begin = of.partiesHere.filter((member) => !asked.includes(member))
  const about = { operation: 'terminateContract' as const, nameToType: of.title }
  const title = text('contract.terminateHereTitle', { title: of.title })
  const params = { id: of.contract }
  const result = ({ agreed, state }: Status, member: string) => {
    if (agreed === 1) return <p>{text('contract.terminateNoted', { member })}</p>
    return (
      <p>
        {state === 'TERMINATED' ? text('contract.terminateHereDone') : text('contract.leftHere', { member })}
      </p>
    )
  }
  return (
    <>
      {begin.length > 0 && (
        <Act<Status>
          {...about}
          button={text('contract.terminateHere')}
          title={title}
          consequence={<p>{text('contract.terminateFirst')}</p>}
          fields={[...memberField(begin), REASON]}
          send={({ member = partyId(begin[0]!), reason }, call) =>
            call('terminateContract', { params, body: { contentHash: of.contentHash, member, reason } })
          }
          result={(data, { member = partyId(begin[0]!) }) => result(data, String(member))}
        />
      )}
      {of.endings
        .filter(({ byYou }) => !byYou)
        .map(({ member, by, reason }) => (
          <Act<Status>
            key={member}
            {...about}
            button={text('contract.terminateAgree')}
            label={text('contract.terminateAgreeFor', { member: partyId(member) })}
            title={title}
            consequence={
              <>
                <p>
                  <bdi>{text('contract.terminateSecond', { name: by })}</bdi>
                </p>
                <p>
                  <bdi>{reason}</bdi>
                </p>
              </>
            }
            send={(_, call) => {
              const body = { contentHash: of.contentHash, member: partyId(member), reason }
              return call('terminateContract', { params, body })
            }}
            result={(data) => result(data, partyId(member))}
          />
        ))}
    </>
  )
}

function ByReason(q: {
  of: Version
  operation: 'withdrawContract' | 'declineContract'
  words: 'withdraw' | 'decline'
  signers: string[]
}) {
  const { of, operation, words, signers } = q
  const titled = { title: of.title, version: String(of.version) }
  return (
    <Act<Status>
      operation={operation}
      button={text(`contract.${words}`)}
      title={text(`contract.${words}Title` as TextKey, titled)}
      consequence={<p>{text(`contract.${words}Consequence` as TextKey)}</p>}
      fields={[...memberField(signers), REASON]}
      send={({ member = partyId(signers[0]!), reason }, call) =>
        call(operation, {
          params: { id: of.contract },
          body: { contentHash: of.contentHash, member, reason },
        })
      }
      result={() => <p>{text(`contract.${words}Done` as TextKey)}</p>}
    />
  )
}

function Extend({ of }: { of: Version }) {
  const params = { id: of.contract }
  const send = ({ validUntil, reviewAt, member }: Values, call: Api['call']): Promise<Answer<Status>> => {
    const body = {
      validUntil: isoOf(validUntil),
      ...(reviewAt === '' ? {} : { reviewAt: isoOf(reviewAt) }),
      ...(member === undefined ? {} : { member }),
    }
    return call('extendContract', { params, body })
  }
  return (
    <Act<Status>
      operation="extendContract"
      button={text('contract.extend')}
      title={text('contract.extendTitle', { title: of.title })}
      consequence={<p>{text('contract.extendConsequence')}</p>}
      fields={[
        { name: 'validUntil', title: 'contract.validUntil', type: 'time' },
        {
          name: 'reviewAt',
          title: 'contract.reviewAt',
          hint: 'contract.extendReview',
          type: 'time',
          required: false,
        },
        ...memberField(decidingHere(of)),
      ]}
      send={send}
      result={({ version }) => <p>{text('contract.extended', { version: String(version) })}</p>}
    />
  )
}

/** A choice of the member, when several members of this server may act. */
function memberField(members: string[]): Field[] {
  if (members.length < 2) return []
  const options = members.map((one) => ({ value: partyId(one), title: partyId(one) }))
  return [{ name: 'member', title: 'contract.actFor', type: 'select', options, initial: options[0]!.value }]
}

/** An input of local time has no zone: the time is in the reader's zone. */
function isoOf(given: string | File | undefined): string {
  const time = new Date(String(given))
  return Number.isNaN(time.getTime()) ? String(given) : time.toISOString()
}
