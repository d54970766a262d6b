/**
 * The part of the program that verifies. It keeps the evidence in memory, so that entries can be requested
 * afterwards.
 */
import { type GivenFile, type Judgement, judgeUpload, readPart, type Upload } from '../judge-upload.ts'

export type ToWorker = { kind: 'judge'; upload: Upload } | { kind: 'save'; name: string }
export type FromWorker =
  | { kind: 'ready' }
  | { kind: 'judged'; judgement: Judgement }
  | { kind: 'part'; name: string; bytes: Uint8Array | undefined }

export function runWorker(): void {
  const tell = (message: FromWorker): void => postMessage(message)
  let evidence: GivenFile | undefined
  addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
    if (data.kind === 'judge') {
      evidence = data.upload.evidence
      void judgeUpload(data.upload).then((judgement) => tell({ kind: 'judged', judgement }))
      return
    }
    const { name } = data
    if (evidence === undefined) return
    readPart(evidence, name).then(
      (bytes) => tell({ kind: 'part', name, bytes }),
      () => tell({ kind: 'part', name, bytes: undefined }),
    )
  })
  tell({ kind: 'ready' })
}
