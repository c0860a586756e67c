"""openHAB over REST: Things, Items with metadata, links, pages of Main UI.

    wished.py   House → what shall be there            facts   POST /rest/things, PUT /rest/items/<name>,
    there.py    REST → what is there                           PUT /rest/items/<name>/metadata/<namespace>,
    things.py, items.py   compare → changes                    PUT /rest/links/<item>/<channel>
    pages.py                                                   POST, PUT /rest/ui/components/ui:page
    keeping.py   what to add to persistence, as words          (read only)

Sources: ThingResource, ItemResource, ItemChannelLinkResource, UIResource of openhab-core (``bundles/org.openhab.core.io.rest.core``) and their
DTOs; issues 1547 (metadata is set apart from the Item) and 5525 (empty metadata value is refused before 5.2) there.

What is ours is marked: a Thing and its channels by the property ``ciigen``, an Item by metadata in the namespace
``ciigen``. Its value is the id of the meter (``*`` for groups of all meters), its configuration is the record of what
we made (``ciigen.push.merge``).
"""
