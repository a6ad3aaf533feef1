/** The parts of dcmjs that Cornerstone uses (see vite.config.ts): its default export holds everything, so that
 * adapters, normalizers and structured reports came along. */
import { async, constants, data, log, utilities } from 'dcmjs-whole'

const { AsyncDicomReader } = async
const { DicomMetaDictionary } = data
const { DicomMetadataListener } = utilities

export { constants, log }
export default { async: { AsyncDicomReader }, data: { DicomMetaDictionary }, utilities: { DicomMetadataListener } }
