/**
 * A restored register: its content, what it lost compared with what others know, and its acceptance by two
 * people.
 */
import { Act } from '../../kit/act.tsx'
import { BASE } from '../../kit/api.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import type { Field } from '../../kit/field.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { OpenProposals } from '../../kit/open-proposals.tsx'
import { PersonState } from '../../kit/person.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { roleName } from '../../kit/roles.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Status } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Standing, type TakenAway, TakenAwayFacts, trustedName } from './taken-away.tsx'

type Reach = { index: number; suspensionList: number; leaves: number }
type Claim = { source: string; kind: 'node' | 'server'; index: number; counts: boolean }
type Accepted = {
  contentSha256: string
  acceptedAt: string
  proposedBy: string
  acceptedBy: string
  nextIndexAbove: number
}
type Person = {
  id: string
  name: string
  roles: string[]
  state: 'active' | 'invited'
  lastLoginAt: string | null
}
type Key = { id: string; name: string; roles: string[]; createdAt: string; expiresAt: string | null }
type Waiting = {
  state: 'waiting'
  restored: Reach & { backup: string | null; publishedAt: string | null }
  known: Reach
  lost: Reach
  claims: Claim[]
  /** Only present for callers who may accept. */
  comesBack?: { people: Person[]; apiKeys: Key[] }
  takenAway: TakenAway
  standing: Standing
  contentSha256: string
}
/** What a proposal lets continue. */
type Kept = { apiKeys: string[]; trust: string[] }
type Restoration = (Waiting | { state: 'none' }) & { accepted: Accepted[] }

/** Empty when the register was never restored. */
export function RestorationParts() {
  const restoration = useAnswer<Restoration>('getRestoration')
  return (
    <Show of={restoration}>
      {(of) => (
        <>
          {of.state === 'waiting' && <WaitingPart of={of} />}
          {of.accepted.length > 0 && <AcceptedPart of={of.accepted} />}
        </>
      )}
    </Show>
  )
}

function WaitingPart({ of }: { of: Waiting }) {
  const { contentSha256, comesBack } = of
  const keys = comesBack?.apiKeys ?? []
  return (
    <Part
      title={text('restoration.title')}
      acts={
        <Act
          operation="acceptRestoredRegistry"
          button={text('restoration.accept')}
          look="primary"
          title={text('restoration.accept')}
          consequence={<p>{text('restoration.acceptConsequence', { index: number(of.known.index) })}</p>}
          fields={[
            ...choice(
              'keepApiKeys',
              ['restoration.keep', 'restoration.keepHint'],
              keys.map(({ id, name, roles }) => ({
                value: id,
                title: text('restoration.keepKey', { name, roles: roles.map(roleName).join(', ') }),
              })),
            ),
            ...choice(
              'keepTrust',
              ['takenAway.keep', 'takenAway.keepHint'],
              of.takenAway.trust.map((one) => ({ value: one.id, title: trustedName(one) })),
            ),
          ]}
          send={({ keepApiKeys = '', keepTrust = '' }, call) =>
            call('acceptRestoredRegistry', {
              body: {
                ...{ contentSha256, keepApiKeys: String(keepApiKeys).split(',').filter(Boolean) },
                keepTrust: String(keepTrust).split(',').filter(Boolean),
              },
            })
          }
          result={() => <p>{text('restoration.accepted')}</p>}
        />
      }
    >
      <OpenProposals target={`${BASE}/restoration/acceptance`} words="restoration.proposed" />
      <p class="note">{text('restoration.why')}</p>
      <RestoredFacts of={of} />
    </Part>
  )
}

/** No field when there is nothing to choose from. */
function choice(
  name: string,
  [title, hint]: [TextKey, TextKey],
  options: { value: string; title: string }[],
): Field[] {
  return options.length === 0 ? [] : [{ name, title, hint, type: 'checks', required: false, options }]
}

/**
 * What is accepted; also shown on the page of a proposal. `kept` are the API keys and the trust that the
 * proposal keeps.
 */
function RestoredFacts({ of, kept }: { of: Waiting; kept?: Kept }) {
  const { restored, known, lost, claims, contentSha256, comesBack } = of
  const { backup, publishedAt } = restored
  const facts: [TextKey, preact.ComponentChildren][] = [
    [
      'restoration.content',
      <Copyable key="content" value={contentSha256} label={text('restoration.content')} />,
    ],
    [
      'restoration.backup',
      backup === null ? (
        text('restoration.noBackup')
      ) : (
        <Copyable key="backup" value={backup} label={text('restoration.backup')} />
      ),
    ],
    [
      'restoration.publishedAt',
      publishedAt === null ? text('restoration.never') : <Time key="at" at={publishedAt} relative />,
    ],
    ['restoration.index', number(restored.index)],
    ['restoration.known', number(known.index)],
    ['restoration.lostPublications', number(lost.index)],
    ['restoration.lostLists', number(lost.suspensionList)],
    ['restoration.lostLeaves', number(lost.leaves)],
  ]
  return (
    <>
      <Facts of={facts} />
      {claims.length > 0 && (
        <Rows<Claim>
          caption={text('restoration.claims')}
          rows={claims}
          rowKey={({ source }) => source}
          columns={[
            { title: 'restoration.source', cell: ({ source }) => <bdi class="id wrap">{source}</bdi> },
            { title: 'restoration.claimed', cell: ({ index }) => number(index) },
            {
              title: 'common.state',
              cell: ({ counts }) => (
                <Status
                  tone={counts ? 'good' : 'warn'}
                  word={counts ? 'restoration.counts' : 'restoration.ignored'}
                />
              ),
            },
          ]}
        />
      )}
      <TakenAwayFacts of={of.takenAway} standing={of.standing} kept={kept?.trust} />
      {comesBack !== undefined && <ComesBack of={comesBack} kept={kept?.apiKeys} />}
    </>
  )
}

/** `kept` are the keys that a proposal keeps; without one all keys end. */
function ComesBack({
  of: { people, apiKeys },
  kept,
}: {
  of: NonNullable<Waiting['comesBack']>
  kept: string[] | undefined
}) {
  return (
    <>
      <h3>{text('restoration.comesBack')}</h3>
      <p>{text('restoration.comesBackWhy')}</p>
      <h4>{text('restoration.people')}</h4>
      <HeldTable<Person>
        caption={text('restoration.people')}
        name="people"
        rows={people}
        rowKey={({ id }) => id}
        words={({ name, roles, state }) => [name, ...roles.map(roleName), state].join(' ')}
        columns={[
          { title: 'people.name', cell: ({ name }) => <bdi>{name}</bdi> },
          { title: 'restoration.roles', cell: ({ roles }) => roles.map(roleName).join(', ') },
          { title: 'common.state', cell: ({ state }) => <PersonState state={state} /> },
          {
            title: 'people.lastLogin',
            cell: ({ lastLoginAt }) =>
              lastLoginAt === null ? text('common.none') : <Time at={lastLoginAt} relative />,
          },
        ]}
        empty={<p>{text('common.none')}</p>}
      />
      {apiKeys.length > 0 && <h4>{text('restoration.keys')}</h4>}
      {apiKeys.length > 0 && (
        <HeldTable<Key>
          caption={text('restoration.keys')}
          name="keys"
          rows={apiKeys}
          rowKey={({ id }) => id}
          words={({ name, roles }) => [name, ...roles.map(roleName)].join(' ')}
          columns={[
            { title: 'common.name', cell: ({ name }) => <bdi>{name}</bdi> },
            { title: 'restoration.roles', cell: ({ roles }) => roles.map(roleName).join(', ') },
            { title: 'restoration.made', cell: ({ createdAt }) => <Time at={createdAt} relative /> },
            {
              title: 'common.state',
              cell: ({ id }) =>
                kept?.includes(id) ? (
                  <Status tone="warn" word="restoration.goesOn" />
                ) : (
                  <Status tone="quiet" word="restoration.ends" />
                ),
            },
          ]}
          empty={null}
        />
      )}
    </>
  )
}

function AcceptedPart({ of }: { of: Accepted[] }) {
  return (
    <Part title={text('restoration.history')}>
      <Rows<Accepted>
        caption={text('restoration.history')}
        rows={of}
        rowKey={({ acceptedAt }) => acceptedAt}
        columns={[
          { title: 'restoration.acceptedAt', cell: ({ acceptedAt }) => <Time at={acceptedAt} relative /> },
          {
            title: 'restoration.acceptedBy',
            cell: ({ proposedBy, acceptedBy }) => (
              <bdi>{text('restoration.both', { first: proposedBy, second: acceptedBy })}</bdi>
            ),
          },
          { title: 'restoration.known', cell: ({ nextIndexAbove }) => number(nextIndexAbove) },
          {
            title: 'restoration.content',
            cell: ({ contentSha256 }) => (
              <Copyable value={contentSha256} label={text('restoration.content')} />
            ),
          },
        ]}
      />
    </Part>
  )
}

/** On the page of a proposal: whether it is still about the register that waits. */
export function RestorationOfProposal({ hash, kept }: { hash: string; kept: Kept }) {
  const restoration = useAnswer<Restoration>('getRestoration')
  return (
    <Part title={text('restoration.title')}>
      <Show of={restoration}>
        {(of) =>
          of.state === 'waiting' && of.contentSha256 === hash.toLowerCase() ? (
            <RestoredFacts of={of} kept={kept} />
          ) : (
            <p class="note">
              {text(of.state === 'waiting' ? 'restoration.another' : 'restoration.notWaiting')}
            </p>
          )
        }
      </Show>
    </Part>
  )
}
