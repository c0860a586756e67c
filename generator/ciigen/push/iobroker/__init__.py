"""ioBroker over its adapter rest-api: raw objects, then the alias tree, then the function.

    there.py   REST → objects that are there          objects.py   compare → changes          plan.py   which adapter

Interface, from the adapter's README and its controller ``object`` (iobroker.rest-api 4.0.2): ``GET /v1/objects?filter=&type=``,
``GET /v1/object/<id>``; ``POST`` makes an object (409: it is there), ``PUT`` sets the keys of ``common`` and ``native`` that it is
given, null takes one away, and leaves the others; ``DELETE``. Basic and Bearer authorisation. simple-api, the other adapter
with HTTP, cannot write objects.

What is ours has ``native.ciigen``: the id of the meter (``*``: of all) and the record of what we made (``ciigen.push.merge``).
What a user keeps in ``common.custom`` (history …) is never sent.
"""
