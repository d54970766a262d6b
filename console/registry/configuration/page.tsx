/** The global configuration: the last publication, its parts, its anchors, and the keys that sign it. */
import type { ComponentChildren } from 'preact'
import { Act } from '../../kit/act.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Status } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Anchors } from './anchors.tsx'
import { IdentityKeyPart } from './identity-key.tsx'
import { LogWitnessesPart, PublishedKeysPart } from './published-keys.tsx'
import { type SigningKey, SigningKeys } from './signing-keys.tsx'
import { SigningTokenPart } from './signing-token.tsx'

type Publication = { index: number; generatedAt: string; expiresAt: string; graceUntil?: string }
type FilePart = { path: string; sha256: string; bytes: number }
export type Configuration = {
  newest: Publication | null
  parts: FilePart[]
  publicUrl: string
  outageGrace: boolean
  signingKeys: SigningKey[]
}

export function ConfigurationPage() {
  const configuration = useAnswer<Configuration>('getConfiguration')
  return (
    <>
      <Head
        title={text('configuration.title')}
        lead={text('configuration.lead')}
        acts={
          <Act<Publication>
            operation="publishConfiguration"
            button={text('configuration.publish')}
            look="primary"
            title={text('configuration.publish')}
            consequence={<p>{text('configuration.publishConsequence')}</p>}
            send={(_, call) => call('publishConfiguration')}
            result={({ index }) => <p>{text('configuration.published', { index })}</p>}
          />
        }
      />
      <Show of={configuration}>
        {({ newest, parts, publicUrl, outageGrace, signingKeys }) => (
          <>
            <Newest newest={newest} publicUrl={publicUrl} outageGrace={outageGrace} />
            <Anchors hasKey={signingKeys.length > 0} />
            <SigningKeys keys={signingKeys} />
            <SigningTokenPart />
            <IdentityKeyPart />
            <PublishedKeysPart />
            <LogWitnessesPart />
            {parts.length > 0 && (
              <Part title={text('configuration.parts')}>
                <Rows<FilePart>
                  caption={text('configuration.parts')}
                  rows={parts}
                  rowKey={({ path }) => path}
                  columns={[
                    { title: 'configuration.part', cell: ({ path }) => <bdi class="id">{path}</bdi> },
                    { title: 'configuration.bytes', number: true, cell: ({ bytes }) => number(bytes) },
                    {
                      title: 'certificate.sha256',
                      cell: ({ sha256 }) => <Copyable value={sha256} label={text('certificate.sha256')} />,
                    },
                  ]}
                />
              </Part>
            )}
          </>
        )}
      </Show>
    </>
  )
}

function graceFacts({ graceUntil }: Publication, isOn: boolean): [TextKey, ComponentChildren][] {
  if (!isOn) return [['configuration.graceUntil', text('configuration.graceOff')]]
  if (graceUntil === undefined) return []
  return [['configuration.graceUntil', <Time key="grace" at={graceUntil} relative />]]
}

function Newest({
  newest,
  publicUrl,
  outageGrace,
}: Pick<Configuration, 'newest' | 'publicUrl' | 'outageGrace'>) {
  const isOver = newest !== null && Date.parse(newest.expiresAt) <= Date.now()
  return (
    <Part title={text('configuration.newest')}>
      {newest === null ? (
        <Empty>
          <p>{text('configuration.none')}</p>
        </Empty>
      ) : (
        <Facts
          of={[
            [
              'certificate.state',
              <Status
                key="state"
                tone={isOver ? 'bad' : 'good'}
                word={isOver ? 'status.expired' : 'status.valid'}
              />,
            ],
            ['configuration.index', number(newest.index)],
            ['configuration.generatedAt', <Time key="at" at={newest.generatedAt} relative />],
            ['configuration.expiresAt', <Time key="until" at={newest.expiresAt} relative />],
            ...graceFacts(newest, outageGrace),
            ['configuration.publicUrl', <Copyable key="url" value={publicUrl} />],
          ]}
        />
      )}
    </Part>
  )
}
