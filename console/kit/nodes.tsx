/** The processes that work for one server on one database: how each is, a secret for a new one, and leaving of one that is gone. */
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
  differingSettings: string[]
}
type Nodes = { sharesFiles: boolean; ownFolders: string[]; nodes: Node[] }

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

function leadOf({ lead, leadOfAll = lead }: NodeTexts, folders: string[]): string {
  return folders.length === 0 ? text(leadOfAll) : text(lead, { folders: folders.join(', ') })
}

export function NodesPart({ texts }: { texts: NodeTexts }) {
  const found = useAnswer<Nodes>('getNodes')
  return (
    <Part title={text('nodes.title')}>
      <Show of={found}>
        {({ sharesFiles, ownFolders, nodes }) => (
          <>
            <p>{sharesFiles ? leadOf(texts, ownFolders) : text(texts.alone)}</p>
            {sharesFiles && <NewNode consequence={texts.joinConsequence} />}
            <Rows<Node>
              caption={text('nodes.title')}
              rows={nodes}
              rowKey={({ name }) => name}
              columns={[
                {
                  title: 'common.name',
                  cell: ({ name, isThis, version }) => (
                    <>
                      <bdi class="id wrap">{name}</bdi>
                      <p class="beside">
                        {version}
                        {isThis && `, ${text('nodes.this')}`}
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
                        <p>{text('nodes.differ', { names: differingSettings.join(', ') })}</p>
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
                        consequence={<p>{text(texts.leaveConsequence)}</p>}
                        nameToType={name}
                        send={(_, call) => call('removeNode', { params: { node: name } })}
                        result={() => text('nodes.left')}
                      />
                    ),
                },
              ]}
            />
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
