/** The content of one message: requested with case and reason, shown byte for byte. */
import { Act } from '../../kit/act.tsx'
import { useConsole } from '../../kit/context.ts'
import { Saved } from '../../kit/saved.tsx'
import { number, text } from '../../kit/text.ts'
import { WHY, whyOf } from '../why.ts'
import { type WholeAttachment, WholeAttachments } from './attachments.tsx'
import { bytesOf, Raw } from './raw.tsx'

type Bytes = {
  index: number
  message: string
  body: string | null
  bodyBytes: number | null
  attachments: WholeAttachment[]
}

export function Content({ index }: { index: number }) {
  const { api } = useConsole()
  const params = { index: String(index) }
  return (
    <>
      <Act<Bytes>
        operation="getRecordContent"
        shows
        button={text('content.show')}
        label={text('content.showThis', { index: String(index) })}
        look="quiet"
        reads
        title={text('content.title', { index: String(index) })}
        consequence={<p>{text('content.consequence')}</p>}
        fields={WHY}
        send={(values) => api.call('getRecordContent', { params, query: whyOf(values) })}
        result={(content) => <Shown of={content} />}
      />
      <Act<File>
        operation="downloadRecordContainer"
        button={text('content.container')}
        label={text('content.containerThis', { index: String(index) })}
        look="quiet"
        reads
        title={text('content.container')}
        consequence={<p>{text('content.consequence')}</p>}
        fields={WHY}
        send={(values) => api.download('downloadRecordContainer', { params, query: whyOf(values) })}
        result={(file) => <Saved file={file} />}
      />
    </>
  )
}

function Shown({ of: { index, message, body, bodyBytes, attachments } }: { of: Bytes }) {
  const bytes = body === null ? null : bytesOf(body)
  return (
    <>
      <h3>{text('content.message')}</h3>
      <Raw of={bytesOf(message)} label={text('content.message')} />
      <h3>{text(attachments.length === 0 ? 'content.body' : 'content.attachments')}</h3>
      {bytes === null && (
        <p>
          {text(bodyBytes === null ? 'content.noBody' : 'content.largeBody', {
            bytes: number(bodyBytes ?? 0),
          })}
        </p>
      )}
      {attachments.length > 0 ? (
        <WholeAttachments index={index} of={attachments} body={bytes} />
      ) : (
        bytes !== null && <Raw of={bytes} label={text('content.body')} />
      )}
    </>
  )
}
