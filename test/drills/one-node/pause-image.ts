/** The image of the container that holds the namespaces of a pod, as a file for containerd. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

export const PAUSE = 'localhost/pause:1'

/** `program` is linked statically. Returns the file. */
export function writePauseImage(folder: string, program: string): string {
  const layout = path.join(folder, 'pause-image')
  const blobs = path.join(layout, 'blobs/sha256')
  mkdirSync(blobs, { recursive: true })
  const root = path.join(folder, 'pause-root')
  mkdirSync(root)
  copyFileSync(program, path.join(root, 'pause'))
  const put = (mediaType: string, bytes: Buffer) => {
    const digest = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(path.join(blobs, digest), bytes)
    return {
      mediaType: `application/vnd.oci.image.${mediaType}`,
      digest: `sha256:${digest}`,
      size: bytes.length,
    }
  }
  const json = (value: object): Buffer => Buffer.from(JSON.stringify(value))
  const layer = put('layer.v1.tar', execFileSync('tar', ['-C', root, '-c', 'pause']))
  const config = put(
    'config.v1+json',
    json({
      ...{ architecture: 'amd64', os: 'linux', config: { Entrypoint: ['/pause'] } },
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
    }),
  )
  const manifest = put('manifest.v1+json', json({ schemaVersion: 2, config, layers: [layer] }))
  const annotations = { 'io.containerd.image.name': PAUSE }
  writeFileSync(path.join(layout, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
  writeFileSync(
    path.join(layout, 'index.json'),
    json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  )
  const file = `${layout}.tar`
  execFileSync('tar', ['-C', layout, '-cf', file, '.'])
  return file
}
