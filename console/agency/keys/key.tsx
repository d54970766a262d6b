/**
 * One key: its certificate requests, its certificates with what depends on each, and what can be done with
 * them.
 */
import { Act } from '../../kit/act.tsx'
import { goTo, Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Empty, Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { NamedId } from '../words.tsx'
import { CertificatePart } from './certificate.tsx'
import { DownloadRequest } from './download.tsx'
import { ImportCertificate } from './import.tsx'
import { useKeeps } from './keepers.ts'
import { type Key, keyName, keyPath, type Request } from './shapes.ts'
import { Stops } from './words.tsx'
import './keys.css'

export function KeyPage({ params }: { params: Record<string, string> }) {
  const found = useAnswer<Key>('getKey', { params: { keyId: params['id'] ?? '' } })
  return (
    <Show of={found} page="certs.one">
      {(key) => <Found of={key} />}
    </Show>
  )
}

function Found({ of }: { of: Key }) {
  const keeps = useKeeps()(of.usage)
  const mayRequest = useMay('generateCsr')
  return (
    <>
      <Head
        title={keyName(of)}
        lead={
          <>
            {text(`certs.usage.${of.usage}`)}. <Link to="/keys">{text('certs.back')}</Link>
          </>
        }
        acts={
          <>
            {mayRequest && keeps && (
              <Link to={`${keyPath(of.id)}/request`} class="button">
                {text('certs.makeRequest')}
              </Link>
            )}
            {keeps && <ImportCertificate />}
            <Rename of={of} />
            {keeps && <Delete of={of} />}
          </>
        }
      />
      {mayRequest && !keeps && <p class="note part">{text('certs.keptByOfficer')}</p>}
      <Part title={text('common.facts')}>
        <Facts
          of={[
            ['certs.algorithm', of.algorithm ?? text('certs.otherAlgorithm')],
            ['certs.createdAt', <Time key="at" at={of.createdAt} relative />],
            ['common.id', <Copyable key="id" value={of.id} label={text('certs.one')} />],
          ]}
        />
        {of.adopted && <p class="inner">{text('certs.adoptedWhy')}</p>}
      </Part>
      {of.certificates.map((one) => (
        <CertificatePart key={one.sha256} of={one} />
      ))}
      <Part title={text('certs.requests')}>
        {of.requests.length === 0 ? (
          <Empty>
            <p>{text(of.certificates.length === 0 ? 'certs.nextRequest' : 'certs.noRequest')}</p>
          </Empty>
        ) : (
          <>
            <p>{text('certs.requestsLead')}</p>
            <Requests of={of} />
          </>
        )}
      </Part>
    </>
  )
}

function Requests({ of }: { of: Key }) {
  const keeps = useKeeps()(of.usage)
  return (
    <Rows<Request>
      caption={text('certs.requests')}
      rows={of.requests}
      rowKey={({ id }) => id}
      columns={[
        {
          title: 'certs.requestFor',
          cell: ({ memberId }) =>
            memberId === undefined ? text('certs.ofThisServer') : <NamedId of={memberId} />,
        },
        { title: 'certs.requestedAt', cell: ({ createdAt }) => <Time at={createdAt} relative /> },
        {
          title: 'common.acts',
          acts: ['downloadCsr', 'deleteCsr'],
          cell: ({ id }) => (
            <div class="acts">
              <DownloadRequest params={{ keyId: of.id, csrId: id }} />
              {keeps && (
                <Act
                  operation="deleteCsr"
                  button={text('certs.deleteRequest')}
                  title={text('certs.deleteRequest')}
                  consequence={<p>{text('certs.deleteRequestConsequence')}</p>}
                  send={(_, call) => call('deleteCsr', { params: { keyId: of.id, csrId: id } })}
                  result={() => <p>{text('certs.requestDeleted')}</p>}
                />
              )}
            </div>
          ),
        },
      ]}
    />
  )
}

function Rename({ of }: { of: Key }) {
  return (
    <Act<Key>
      operation="updateKey"
      button={text('certs.rename')}
      title={text('certs.renameThis', { name: keyName(of) })}
      consequence={<p>{text('certs.renameConsequence')}</p>}
      fields={[{ name: 'label', title: 'certs.label', initial: of.label, maxLength: 255 }]}
      send={({ label }, call) =>
        call('updateKey', { params: { keyId: of.id }, body: { label: String(label).trim() } })
      }
      result={() => <p>{text('certs.renamed')}</p>}
    />
  )
}

function Delete({ of }: { of: Key }) {
  const name = keyName(of)
  return (
    <Act
      operation="deleteKey"
      button={text('certs.delete')}
      title={text('certs.deleteThis', { name })}
      consequence={
        <>
          <p>{text('certs.deleteConsequence')}</p>
          {of.certificates.map((one) => (
            <Stops key={one.sha256} of={one} with="key" />
          ))}
        </>
      }
      nameToType={name}
      send={(_, call) => call('deleteKey', { params: { keyId: of.id } })}
      result={() => <p>{text('certs.deleted')}</p>}
      then={() => goTo('/keys')}
    />
  )
}
