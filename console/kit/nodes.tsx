/**
 * The processes that work for one server on one database: how each is, a secret for a new one, and leaving of
 * one that is gone.
 */
import { Act } from './act.tsx'
import { Copyable } from './copyable.tsx'
import { Part } from './facts.tsx'
import { useAnswer } from './load.ts'
import { Show } from './placeholders.tsx'
import { Rows } from './rows.tsx'
import { Status } from './status.tsx'
import { type TextKey, text } from './text.ts'
import { Time } from './time.tsx'
import { Told } from './told.tsx'

type State = 'READY' | 'NOT_READY' | 'SILENT' | 'LEFT'
type Node = {
  name: string
  isThis: boolean
  version: string
  startedAt: string
  seenAt: string
  state: State
  reasons: string[]
  /** Of an older node, behind the same address, the names alone. */
  differingSettings: (Differing | string)[]
  /** Where one machine has several nodes as workers of the server. */
  worker: { machine: string; number: number } | null
}
/** Null where a node does not set it; a version that tells no values has null for both. */
type Differing = { name: string; here: string | null; there: string | null }
type KeyChange = { waitsFor: string[]; isDone: boolean; left: number }
type Nodes = { sharesFiles: boolean; ownFolders: string[]; clusterKeys: KeyChange | null; nodes: Node[] }

/** What the nodes of this kind of server are and do. */
type NodeTexts = {
  /** With the folders that nodes do not share, and where they share all. */
  lead: TextKey
  leadOfAll?: TextKey
  alone: TextKey
  leaveConsequence: TextKey
  joinConsequence: TextKey
}

const LOOKS = {
  READY: { tone: 'good', word: 'nodes.ready' },
  NOT_READY: { tone: 'warn', word: 'nodes.notReady' },
  SILENT: { tone: 'bad', word: 'nodes.silent' },
  LEFT: { tone: 'quiet', word: 'nodes.left' },
} as const

/** FILE is this node's settings file, which the console does not know. */
const REFRESH = 'concordat join --refresh --configuration FILE'

function leadOf({ lead, leadOfAll = lead }: NodeTexts, folders: string[]): string {
  return folders.length === 0 ? text(leadOfAll) : text(lead, { folders: folders.join(', ') })
}

/** A cluster key that is being replaced: what the operator has to do next. */
function keyChangeOf({ waitsFor, isDone, left }: KeyChange): string {
  if (left > 0) return text('nodes.keyLeft', { left })
  if (waitsFor.length > 0) return text('nodes.keyWaits', { names: waitsFor.join(', ') })
  return text(isDone ? 'nodes.keyDone' : 'nodes.keySealing')
}

/**
 * Workers of one machine stand together, the first one at the head; nodes alone on a machine by their names.
 */
function grouped(nodes: Node[]): Node[] {
  const place = ({ name, worker }: Node): string => worker?.machine ?? name
  return nodes.toSorted(
    (a, b) => place(a).localeCompare(place(b)) || (a.worker?.number ?? 0) - (b.worker?.number ?? 0),
  )
}

/** What each machine with several workers has; those that have left count for nothing. */
function machinesOf(nodes: Node[]): { machine: string; ready: number; all: number }[] {
  const machines = new Map<string, { ready: number; all: number }>()
  for (const { worker, state } of nodes) {
    if (worker === null || state === 'LEFT') continue
    const { ready, all } = machines.get(worker.machine) ?? { ready: 0, all: 0 }
    machines.set(worker.machine, { ready: ready + (state === 'READY' ? 1 : 0), all: all + 1 })
  }
  return [...machines].map(([machine, counts]) => ({ machine, ...counts })).sort(byMachine)
}

function byMachine(a: { machine: string }, b: { machine: string }): number {
  return a.machine.localeCompare(b.machine)
}

export function NodesPart({ texts }: { texts: NodeTexts }) {
  const found = useAnswer<Nodes>('getNodes')
  return (
    <Part title={text('nodes.title')}>
      <Show of={found}>
        {({ sharesFiles, ownFolders, clusterKeys, nodes }) => (
          <>
            <p>{sharesFiles ? leadOf(texts, ownFolders) : text(texts.alone)}</p>
            {clusterKeys !== null && <p class="note">{keyChangeOf(clusterKeys)}</p>}
            {machinesOf(nodes).map(({ machine, ...counts }) => (
              <p key={machine}>{text('nodes.machine', { machine, ...counts })}</p>
            ))}
            {sharesFiles && <NewNode consequence={texts.joinConsequence} />}
            {nodes.length > 0 && (
              <NodeRows
                nodes={grouped(nodes)}
                sharesFiles={sharesFiles}
                leaveConsequence={texts.leaveConsequence}
              />
            )}
            {nodes.map((node) => (
              <Settings key={node.name} of={node} mine={nodes.find(({ isThis }) => isThis)} />
            ))}
            {/* Below the rows: times in them would come before those beside them. */}
            {nodes.flatMap(({ name, reasons }) =>
              reasons.map((reason) => (
                <p key={`${name} ${reason}`}>
                  <bdi class="id">{name}</bdi>: <Told words={reason} />
                </p>
              )),
            )}
          </>
        )}
      </Show>
    </Part>
  )
}

type NodeRowsProps = { nodes: Node[]; sharesFiles: boolean; leaveConsequence: TextKey }

function NodeRows({ nodes, sharesFiles, leaveConsequence }: NodeRowsProps) {
  return (
    <Rows<Node>
      caption={text('nodes.title')}
      rows={nodes}
      rowKey={({ name }) => name}
      columns={[
        {
          title: 'common.name',
          cell: ({ name, isThis, version, worker }) => (
            <>
              <bdi class="id wrap">{name}</bdi>
              <p class="beside">
                {version}
                {isThis && `, ${text('nodes.this')}`}
                {worker !== null && `, ${text('nodes.worker', worker)}`}
              </p>
            </>
          ),
        },
        {
          title: 'common.state',
          cell: ({ state, differingSettings }) => (
            <>
              <Status {...LOOKS[state]} />
              {differingSettings.length > 0 && (
                <p>{text('nodes.differ', { names: namesOf(differingSettings) })}</p>
              )}
            </>
          ),
        },
        { title: 'nodes.since', cell: ({ startedAt }) => <Time at={startedAt} relative /> },
        { title: 'nodes.seen', cell: ({ seenAt }) => <Time at={seenAt} relative /> },
        {
          title: 'common.acts',
          acts: ['removeNode'],
          cell: ({ name, isThis, state }) =>
            sharesFiles &&
            !isThis &&
            state === 'SILENT' && (
              <Act
                operation="removeNode"
                button={text('nodes.leave')}
                label={text('nodes.leaveThis', { name })}
                title={text('nodes.leaveThis', { name })}
                consequence={<p>{text(leaveConsequence)}</p>}
                nameToType={name}
                send={(_, call) => call('removeNode', { params: { node: name } })}
                result={() => text('nodes.left')}
              />
            ),
        },
      ]}
    />
  )
}

function namesOf(settings: Node['differingSettings']): string {
  return settings.map((one) => (typeof one === 'string' ? one : one.name)).join(', ')
}

/** What another node says otherwise than this one, and how either takes over what is right. */
function Settings({ of: { name: there, differingSettings }, mine }: { of: Node; mine: Node | undefined }) {
  const known = differingSettings
    .filter((one) => typeof one !== 'string')
    .filter(({ here, there }) => here !== null || there !== null)
  if (known.length === 0 || mine === undefined) return null
  return (
    <section class="inner" aria-label={text('nodes.otherwise', { there })}>
      <h3>{text('nodes.otherwise', { there })}</h3>
      <ul class="plain-list">
        {known.map((one) => (
          <li key={one.name} class="wrap">
            <bdi class="id">{one.name}</bdi>:{' '}
            {text('nodes.values', {
              here: one.here ?? text('nodes.notSet'),
              there: one.there ?? text('nodes.notSet'),
            })}
          </li>
        ))}
      </ul>
      <p>{text('nodes.refresh', { there })}</p>
      <p>
        <Copyable value={`${REFRESH} --from ${there}`} label={text('nodes.refreshCommand')} />
      </p>
      <p>{text('nodes.refreshThere', { here: mine.name })}</p>
    </section>
  )
}

/** The secret is shown at once, unless a second person has to agree first. */
function NewNode({ consequence }: { consequence: TextKey }) {
  return (
    <Act<{ secret?: string }>
      operation="addJoinSecret"
      shows
      button={text('nodes.join')}
      title={text('nodes.join')}
      consequence={<p>{text(consequence)}</p>}
      fields={[{ name: 'url', title: 'nodes.url', hint: 'nodes.urlHint', maxLength: 255, required: false }]}
      send={async ({ url }, call) => {
        const asked = await call<{ id: string }>('addJoinSecret', {
          body: url === '' ? {} : { url },
        })
        return asked.proposal === undefined
          ? call<{ secret?: string }>('takeJoinSecret', { params: { secret: asked.data.id } })
          : { ...asked, data: {} }
      }}
      result={({ secret = '' }) => (
        <>
          <p>
            <strong>{text('keys.secretOnce')}</strong>
          </p>
          <Copyable value={secret} label={text('nodes.secret')} />
        </>
      )}
    />
  )
}
