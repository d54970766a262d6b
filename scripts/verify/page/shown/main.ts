export { judgeUpload } from '../judge-upload.ts'
