/** The images that the archive holds of an item's study, and whether they are those that were frozen. */
import { Alert, Group, Table, Text } from '@mantine/core'
import { useState } from 'react'
import type { Schemas } from '../api/client'
import { t } from '../i18n'
import { Hash } from '../ui/Hash'
import { Pages } from '../ui/Pages'
import { Empty, Loaded } from '../ui/states'
import { PAGE_SIZE } from './itemFilter'
import { useInstances, type ItemDetail } from './useDatasets'

export function HeldImages({ datasetId, item }: { datasetId: string; item: ItemDetail }) {
  const [page, setPage] = useState(1)
  const instances = useInstances(datasetId, item.case_id, page)
  return (
    <>
      <Standing item={item} />
      <Loaded query={instances}>
        {({ count, results }) =>
          count === 0 ? (
            <Empty title={t('item.no_images')}>{t('item.no_images_help')}</Empty>
          ) : (
            <>
              <InstanceTable instances={results} />
              <Pages label={t('item.pages')} count={count} size={PAGE_SIZE} page={page} onPage={setPage} />
            </>
          )
        }
      </Loaded>
    </>
  )
}

function Standing({ item: { images, images_sha256: frozen } }: { item: ItemDetail }) {
  const { count, sha256: now } = images
  if (images.is_unchanged) {
    return (
      <Group gap="xs" mb="xs" data-testid="item-images">
        <Text size="sm">{t('item.images_unchanged', { count })}</Text>
        <Hash of={frozen} />
      </Group>
    )
  }
  return (
    <Alert color="red" mb="xs" title={t('item.images_changed')} data-testid="item-images">
      <Text size="sm">{t('item.images_now', { count })}</Text>
      <Group gap="xs" mt="xs">
        <Text size="sm">{t('item.hash_frozen')}</Text>
        <Hash of={frozen} />
        <Text size="sm">{t('item.hash_now')}</Text>
        <Hash of={now} />
      </Group>
    </Alert>
  )
}

function InstanceTable({ instances }: { instances: readonly Schemas['HeldInstance'][] }) {
  const heads = [t('item.series'), t('item.image'), t('item.uid'), t('item.frames'), t('item.sha256')]
  return (
    <Table.ScrollContainer minWidth={860}>
      <Table data-testid="instances">
        <Table.Thead>
          <Table.Tr>{heads.map((head) => <Table.Th key={head}>{head}</Table.Th>)}</Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {instances.map((instance) => (
            <Table.Tr key={instance.sop_instance_uid}>
              <Table.Td title={instance.series_instance_uid}>{seriesText(instance)}</Table.Td>
              <Table.Td>{instance.instance_number}</Table.Td>
              <Table.Td>{instance.sop_instance_uid}</Table.Td>
              <Table.Td>{instance.number_of_frames}</Table.Td>
              <Table.Td>
                <Hash of={instance.sha256} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function seriesText({ series_number: number, modality, series_description: description }: Schemas['HeldInstance']): string {
  return [number, modality, description].filter((part) => part !== null && part !== '').join(' · ')
}
