/**
 * Agreeing for a member. The dialog shows exactly the content that is agreed to, and whether another person
 * of the member must agree.
 */
import { Act } from '../../kit/act.tsx'
import { useConsole } from '../../kit/context.ts'
import { partyId, stateName } from '../../kit/contract.tsx'
import { Terms } from '../../kit/contract-terms.tsx'
import { idsOf, takenOf } from '../../kit/picks.tsx'
import { text } from '../../kit/text.ts'
import { useOwnClients } from '../pick.ts'
import { type Agreement, Party, type Status, type Version } from './contract.tsx'
import { ExactContent } from './exact-content.tsx'
import { ContractFacts } from './facts.tsx'

export function AcceptContract({ of, member }: { of: Version; member: string }) {
  const first = of.agreements.find((one) => one.member === member)
  // The same person never agrees twice.
  if (first?.byYou === true) return null
  const id = partyId(member)
  return (
    <Act<Status>
      operation="acceptContract"
      button={text('contract.accept')}
      label={text('contract.acceptFor', { member: id })}
      look="primary"
      title={text('contract.acceptTitle', { title: of.title, version: String(of.version), member: id })}
      consequence={
        <>
          <Consequence first={first} />
          <ContractFacts of={of} />
          <Terms of={of} Party={Party} />
          <ExactContent of={of} />
        </>
      }
      send={(_, call) =>
        call('acceptContract', {
          params: { id: of.contract },
          body: { contentHash: of.contentHash, member: id },
        })
      }
      result={(status) => <Result of={status} member={id} />}
    />
  )
}

/** A member of the group joins standard terms for some of its subsystems. */
export function JoinContract({ of }: { of: Version }) {
  const clients = useOwnClients()
  if (of.globalGroup === undefined || !['PROPOSED', 'ACCEPTED', 'ACTIVE'].includes(of.state)) return null
  const first = of.agreements.find(({ subsystems }) => subsystems !== undefined)
  return (
    <Act<Status>
      operation="acceptContract"
      button={text('contract.join')}
      title={text('contract.joinTitle', { title: of.title, version: String(of.version) })}
      consequence={
        <>
          <p>{text('contract.joinConsequence')}</p>
          <Consequence first={first} />
          <ContractFacts of={of} />
          <Terms of={of} Party={Party} />
          <ExactContent of={of} />
        </>
      }
      fields={[
        {
          name: 'subsystems',
          title: 'contract.joinWith',
          hint: 'contract.joinWithHint',
          type: 'picks',
          maxLength: 1100,
          find: async (typed, values) => {
            const [one] = takenOf(String(values['subsystems'] ?? ''))
            const own = await clients(typed, {})
            return own.filter(({ value }) => isSubsystem(value) && (one === undefined || isOfOne(value, one)))
          },
          initial: first?.subsystems?.map((one) => `${partyId(one)}\n`).join('') ?? '',
          check: wrongSubsystems,
        },
      ]}
      send={({ subsystems }, call) => {
        const joining = idsOf(String(subsystems))
        const member = memberOf(joining[0] ?? '')
        const body = { contentHash: of.contentHash, member, subsystems: joining }
        return call('acceptContract', { params: { id: of.contract }, body })
      }}
      result={(status, { subsystems }) => (
        <Result of={status} member={memberOf(idsOf(String(subsystems))[0] ?? '')} />
      )}
    />
  )
}

function memberOf(client: string): string {
  return client.split(':').slice(0, 3).join(':')
}

function isSubsystem(client: string): boolean {
  const parts = client.split(':')
  return parts.length === 4 && parts.every((part) => part !== '')
}

function isOfOne(client: string, other: string): boolean {
  return memberOf(client) === memberOf(other)
}

/** Why these cannot join together. */
function wrongSubsystems(given: string): string | undefined {
  const all = idsOf(given)
  const none = all.find((one) => !isSubsystem(one))
  if (none !== undefined) return text('contract.noSubsystem', { what: none })
  const other = all.find((one) => !isOfOne(one, all[0]!))
  return other === undefined
    ? undefined
    : text('contract.otherMember', { what: other, member: memberOf(all[0]!) })
}

function Consequence({ first }: { first: Agreement | undefined }) {
  const { session } = useConsole()
  return (
    <>
      {first === undefined ? (
        <p>{text('contract.acceptFirst')}</p>
      ) : (
        <p>
          <bdi>{text('contract.acceptSecond', { name: first.by })}</bdi>
        </p>
      )}
      {session.kind === 'key' && <p class="note">{text('contract.acceptByKey')}</p>}
    </>
  )
}

function Result({ of: { agreed, state }, member }: { of: Status; member: string }) {
  if (agreed === 1) return <p>{text('contract.acceptedFirst', { member })}</p>
  return (
    <p>{text('contract.acceptedSealed', { member, state: state === undefined ? '' : stateName(state) })}</p>
  )
}
