/** What became of images without labels (learning/services/unlabeled.py). */
export const unlabeled = {
  'target.section.unlabeled': 'Images without labels',
  'target.section_help.unlabeled':
    'Open cases of training patients may teach too. Every round then trains a second time without them, which takes longer, and keeps what they brought only if it beats that on the validation patients by more than chance; otherwise they are left off until you choose them again here.',
  'knob.unlabeled': 'learn from images without labels by',
  'knob.unlabeled.none': 'not at all',
  'knob.unlabeled.pseudo_labels': 'pseudo-labels',
  'knob.unlabeled.mean_teacher': 'mean teacher',
  'knob.unlabeled_per_label': 'images without labels per labeled one',
  'knob.unlabeled_weight': 'weight of what they teach',
  'knob.unlabeled_ramp': 'share of the steps until it weighs in full',
  'knob.unlabeled_gate': 'least probability of a pseudo-label',
  'unlabeled.title': 'Did images without labels help?',
  'unlabeled.kept': 'Unlabeled images helped: {figure} {difference} on validation; they stay on',
  'unlabeled.left_off': 'Unlabeled images did not help: {figure} {difference} on validation; left off',
  'unlabeled.not_told': 'Whether unlabeled images helped could not be told on validation; left off',
  'unlabeled.failed': 'Training with unlabeled images failed ({reason}); left off',
  'unlabeled.few_patients': 'Unlabeled images were not tried: too few validation patients to tell whether they help',
  'unlabeled.few_of_rarest':
    'Unlabeled images were not tried: too few validation patients with the rarest answer to tell whether they help',
  'unlabeled.one_answer': 'Unlabeled images were not tried: the validation cases cannot tell whether they help',
  'unlabeled.no_images': 'Unlabeled images were not tried: no open case of a training patient could be used',
  'unlabeled.beside':
    '{with} with {images} unlabeled images of {patients} patients, {without} in the same training without them ({method}). {cases} validation cases of {judges} patients.',
  'unlabeled.later': 'The next rounds train without them. Settings turns them on again.',
  'unlabeled.training_1': 'first training, labeled images alone',
  'unlabeled.training_2': 'second training, with unlabeled images',
  'unlabeled.loss_training': 'The same with unlabeled images (labels and teacher)',
  'unlabeled.loss_validation': 'Loss on validation images with unlabeled images',
} as const
