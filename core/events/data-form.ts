/** How the data of an event may stand in a JSON document, by its content type (JSON format, 3.1). */
import { parseContentType } from '#core/transport/content-type.ts'

/** `json`: as a JSON value; `text`: as a string whose bytes are UTF-8; `bytes`: only as base64. */
type DataForm = 'json' | 'text' | 'bytes'

const IN_UTF_8 = new Set(['utf-8', 'utf8', 'us-ascii'])

/** The form for a `datacontenttype`; one that is no media type has `bytes`. */
export function formOf(contentType: string): DataForm {
  let content: ReturnType<typeof parseContentType>
  try {
    content = parseContentType(contentType)
  } catch {
    return 'bytes'
  }
  // A JSON string has no charset: in another one the data would have other bytes than those that we would
  // make of it.
  if (!IN_UTF_8.has((content.parameters.get('charset') ?? 'utf-8').toLowerCase())) return 'bytes'
  return /[/+]json$/.test(content.type) ? 'json' : 'text'
}
