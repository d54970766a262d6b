/** What a succession takes over and what people must do: as it would be now, or as it was. */
import { Link } from '../../kit/address.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'

export type Plan = {
  subsystems: { from: string; to: string }[]
  servers: { from: string; to: string }[]
  registrations: { server: string; client: string }[]
  groups: { code: string; client: string }[]
  contracts: { contract: string; version: number; title: string }[]
  byPeople: string[]
}

/** The registry computes the plan; nothing is changed. */
export function SuccessionPlan({ member, taking }: { member: string; taking: object }) {
  const plan = useAnswer<Plan>('planSuccession', { params: { id: member }, body: taking })
  return <Show of={plan}>{(data) => <Taken of={data} />}</Show>
}

export function Taken({ of }: { of: Plan }) {
  const names = [...of.subsystems, ...of.servers].map(({ from, to }) =>
    text('successions.becomes', { from, to }),
  )
  const lists = [
    list('successions.names', names),
    list(
      'successions.registrations',
      of.registrations.map(({ client, server }) => text('successions.at', { client, server })),
    ),
    list(
      'successions.groups',
      of.groups.map(({ client, code }) => `${code}: ${client}`),
    ),
    of.contracts.length > 0 && <Contracts key="contracts" of={of.contracts} />,
    list('successions.byPeople', of.byPeople),
  ].filter((one) => one !== null && one !== false)
  return lists.length === 0 ? <p>{text('successions.nothing')}</p> : lists
}

/** Those that have to be sealed anew, by their links. */
export function Contracts({ of }: { of: Plan['contracts'] }) {
  return (
    <div>
      <h3>{text('successions.contracts')}</h3>
      <ul class="plain-list">
        {of.map(({ contract, title, version }) => (
          <li key={contract}>
            <Link to={`/contracts/${contract}`}>
              <bdi>{text('successions.version', { title, version })}</bdi>
            </Link>
          </li>
        ))}
      </ul>
    </div>
  )
}

function list(title: Parameters<typeof text>[0], lines: string[]) {
  if (lines.length === 0) return null
  return (
    <div key={title}>
      <h3>{text(title)}</h3>
      <ul class="plain-list">
        {lines.map((line) => (
          <li key={line}>
            <bdi class="wrap">{line}</bdi>
          </li>
        ))}
      </ul>
    </div>
  )
}
