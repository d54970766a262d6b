/** Backups of either server: the age of the newest, failures, and the files to download. */
import { Act } from './act.tsx'
import { useConsole } from './context.ts'
import { Copyable } from './copyable.tsx'
import { Facts, Part } from './facts.tsx'
import { useAnswer } from './load.ts'
import { Show } from './placeholders.tsx'
import { save } from './save.ts'
import { Status, type Tone } from './status.tsx'
import { Table } from './table.tsx'
import { number, type TextKey, text } from './text.ts'
import { Time } from './time.tsx'

type BackupState = {
  isConfigured: boolean
  isWell?: boolean
  hour?: number
  keep?: number
  newestAt?: string
  failure?: string
  /** When one was last read back whole, and the code of the fault when the newest could not be. */
  provenAt?: string
  proofFailure?: string
}

type Backup = {
  id: number
  name: string
  node: string
  by: string | null
  state: 'running' | 'made' | 'failed'
  failure: string | null
  begunAt: string
  bytes: number | null
  sha256: string | null
  configurationIndex: number | null
}

const TONES: Record<Backup['state'], Tone> = { made: 'good', failed: 'bad', running: 'quiet' }

/** Texts that differ between the two servers: what a backup contains, and what is lost without one. */
type BackupTexts = { makeConsequence: TextKey; notConfigured: TextKey }

export function BackupParts({ texts }: { texts: BackupTexts }) {
  return (
    <>
      <StatePart texts={texts} />
      <Table<Backup>
        operation="getBackups"
        caption={text('backups.title')}
        search="backups.search"
        filters={[
          {
            name: 'state',
            title: 'common.state',
            options: [
              { value: '', title: text('common.all') },
              ...(['made', 'failed', 'running'] as const).map((value) => ({
                value,
                title: text(`backups.${value}`),
              })),
            ],
          },
        ]}
        rowKey={({ id }) => id}
        columns={[
          { title: 'backups.begunAt', cell: ({ begunAt }) => <Time at={begunAt} relative /> },
          { title: 'common.state', cell: (one) => <Outcome of={one} /> },
          { title: 'backups.by', cell: ({ by }) => <bdi>{by ?? text('backups.daily')}</bdi> },
          { title: 'backups.file', cell: ({ name, node }) => <File name={name} node={node} /> },
          { title: 'common.acts', acts: ['downloadBackup'], cell: (one) => <Download of={one} /> },
        ]}
        empty={<p>{text('backups.empty')}</p>}
      />
    </>
  )
}

function File({ name, node }: { name: string; node: string }) {
  return (
    <>
      <bdi class="id wrap">{name}</bdi>
      <p class="beside wrap">{text('backups.onNode', { node })}</p>
    </>
  )
}

function Outcome({ of }: { of: Backup }) {
  const { state, failure, bytes, sha256, configurationIndex } = of
  return (
    <>
      <Status tone={TONES[state]} word={`backups.${state}`} />
      {failure !== null && (
        <p class="wrap">
          <bdi>{failure}</bdi>
        </p>
      )}
      {bytes !== null && sha256 !== null && (
        <>
          <p class="beside">
            {configurationIndex === null
              ? text('backups.bytes', { bytes: number(bytes) })
              : text('backups.size', { bytes: number(bytes), index: number(configurationIndex) })}
          </p>
          <Copyable value={sha256} label={text('backups.sha256')} />
        </>
      )}
    </>
  )
}

function Download({ of: { id, name, state } }: { of: Backup }) {
  const { api } = useConsole()
  if (state !== 'made') return null
  return (
    <Act<globalThis.File>
      operation="downloadBackup"
      button={text('backups.download')}
      label={text('backups.downloadThis', { name })}
      reads
      title={text('backups.download')}
      consequence={<p>{text('backups.downloadConsequence')}</p>}
      send={async () => {
        const answer = await api.download('downloadBackup', { params: { id: String(id) } })
        save(new globalThis.File([answer.data], name, { type: 'application/octet-stream' }))
        return answer
      }}
      result={() => <p class="wrap">{text('file.saved', { name })}</p>}
    />
  )
}

function StatePart({ texts }: { texts: BackupTexts }) {
  const state = useAnswer<BackupState>('getBackupState')
  return (
    <Part
      title={text('backups.state')}
      acts={
        state.state === 'there' &&
        state.data.isConfigured && (
          <Act
            operation="makeBackup"
            button={text('backups.make')}
            title={text('backups.make')}
            consequence={<p>{text(texts.makeConsequence)}</p>}
            send={(_, call) => call('makeBackup', {})}
            result={() => <p>{text('backups.isMade')}</p>}
          />
        )
      }
    >
      <Show of={state}>
        {(of) => (of.isConfigured ? <Configured of={of} /> : <p class="note">{text(texts.notConfigured)}</p>)}
      </Show>
    </Part>
  )
}

type Fact = [TextKey, preact.ComponentChildren]

function Configured({ of }: { of: BackupState }) {
  const { isWell, hour = 0, keep = 0, newestAt, failure, provenAt, proofFailure } = of
  const proven: Fact[] =
    provenAt === undefined ? [] : [['backups.proven', <Time key="proven" at={provenAt} relative />]]
  const facts: Fact[] = [
    [
      'common.state',
      <Status key="state" tone={isWell ? 'good' : 'bad'} word={isWell ? 'backups.well' : 'backups.ill'} />,
    ],
    [
      'backups.newest',
      newestAt === undefined ? text('backups.none') : <Time key="newest" at={newestAt} relative />,
    ],
    ...proven,
    ['backups.plan', text('backups.schedule', { hour: String(hour).padStart(2, '0'), keep })],
  ]
  return (
    <>
      {failure !== undefined && (
        <p class="note wrap">
          {text('backups.lastFailed')} <bdi>{failure}</bdi>
        </p>
      )}
      {proofFailure !== undefined && (
        <p class="note wrap">
          {text('backups.notProven')} <bdi>{proofFailure}</bdi>
        </p>
      )}
      <Facts of={facts} />
    </>
  )
}
